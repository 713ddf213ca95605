"""What of this machine is for dedicated instances, and what for everybody."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from sayso.core.cores import usable_cores
from sayso.dedicated.configuration import Share
from sayso.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Machine:
    """Its cores as the kernel numbers them: the shared pool's, and those of instances with their memory."""

    pool_cores: tuple[int, ...]
    instance_cores: tuple[int, ...]
    instance_memory_mib: int

    @property
    def instances(self) -> Share:
        """What all instances together may have."""
        return Share(len(self.instance_cores), self.instance_memory_mib if self.instance_cores else 0)


def this_machine(instance_cores: int, instance_memory_mib: int) -> Machine:
    """Divide this machine; the first cores are the pool's. 0 MiB stands for half of its memory.

    Raises `ConfigurationError` where less than one core is left for the pool.
    """
    memory = instance_memory_mib or _memory_mib() // 2
    return divided(usable_cores(), instance_cores, memory)


def divided(cores: Sequence[int], instance_cores: int, memory_mib: int) -> Machine:
    """Divide `cores`. Raises `ConfigurationError` where less than one is left for the pool."""
    if instance_cores and instance_cores >= len(cores):
        raise ConfigurationError(
            f"setting 'instance_cores': {instance_cores} of the {len(cores)} cores leave none for the rest"
        )
    first = len(cores) - instance_cores
    return Machine(tuple(cores[:first]), tuple(cores[first:]), memory_mib)


def _memory_mib() -> int:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20
