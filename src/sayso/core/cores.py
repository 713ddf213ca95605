"""Which of the machine's cores a process runs on."""

import os
from collections.abc import Collection


def usable_cores() -> tuple[int, ...]:
    """Return the cores that this process may use, as the kernel numbers them."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def stay_on(cores: Collection[int]) -> bool:
    """Keep the calling thread, and what it starts from now on, on `cores`; tell whether the system does that.

    Of no cores nothing is kept. Raises `OSError` for cores that there are not.
    """
    if not cores:
        return True
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, cores)
    return True
