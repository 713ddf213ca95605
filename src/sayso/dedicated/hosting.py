"""From an instance's configuration to the host that serves it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from sayso.catalog.snapshot import Snapshot
from sayso.dedicated.configuration import Configuration
from sayso.dedicated.footprints import Footprint
from sayso.dedicated.load import engine_cap
from sayso.dedicated.runtime import ProvisioningFailed
from sayso.engines.config import EngineConfig

WAITING_INSIDE: Final = 10_000  # requests that the gate has let through never hear that a queue is full


@dataclass(frozen=True, slots=True)
class Prepared:
    """A snapshot whose files are there, with what the shared pool would start its host with."""

    snapshot: Snapshot
    config: EngineConfig


Prepare: TypeAlias = Callable[[str], Awaitable[Prepared]]


def cache_tokens(configuration: Configuration, footprint: Footprint | None) -> int:
    """Return the room for tokens that a chat host is started with.

    It is enough for the longest context at the full concurrency, and for as much as the gate may be opened
    live if the memory is known to do. Raises `ProvisioningFailed` where the memory is known not to do.
    """
    least = configuration.context_length * configuration.load.max_concurrency
    if footprint is None:
        return least
    memory = configuration.share.model_mib
    check_memory(configuration, footprint, least)
    most = configuration.context_length * engine_cap(configuration.load)
    return max(least, min(most, footprint.tokens_in(memory)))


def check_memory(configuration: Configuration, footprint: Footprint, tokens: int) -> None:
    """Raise `ProvisioningFailed` where so many tokens do not fit into the instance's memory."""
    needed, memory = footprint.needed_mib(tokens), configuration.share.model_mib
    if needed > memory:
        raise ProvisioningFailed(
            f"{configuration.snapshot} takes {needed} MiB with {tokens} tokens of context: the instance has "
            f"{memory} MiB{' on its GPUs' if configuration.share.gpus else ''}."
        )


def host_config(
    prepared: Prepared, configuration: Configuration, cores: tuple[int, ...], footprint: Footprint | None
) -> EngineConfig:
    """Return what the instance's host is started with. Raises `ProvisioningFailed`."""
    snapshot, load = prepared.snapshot, configuration.load
    chat = snapshot.kind == "chat"
    if chat and snapshot.context_length and configuration.context_length > snapshot.context_length:
        raise ProvisioningFailed(
            f"{snapshot.id} has a context of {snapshot.context_length} tokens at most: "
            f"{configuration.context_length} are too many."
        )
    return replace(
        prepared.config,
        context_length=configuration.context_length if chat else 0,
        # Where nobody knows the length beforehand, the engine takes what its cache has room for.
        cache_tokens=cache_tokens(configuration, footprint)
        if chat and configuration.context_length
        else prepared.config.cache_tokens,
        threads=len(cores),
        cores=cores,
        yielding=False,
        memory_bytes=configuration.share.memory_mib << 20,
        max_concurrency=engine_cap(load),
        queue_depth=WAITING_INSIDE,
        batch_tokens=load.max_batch_tokens,
        measured=footprint is None,
    )
