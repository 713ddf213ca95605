"""Which of the machine's cores a process runs on."""

import contextlib
import os
from collections.abc import Collection
from functools import cache
from pathlib import Path

THREADS = Path("/proc/self/task")


@cache
def usable_cores() -> tuple[int, ...]:
    """Return the cores that this process might use when it first asked, as the kernel numbers them."""
    if hasattr(os, "sched_getaffinity"):
        return tuple(sorted(os.sched_getaffinity(0)))
    return tuple(range(os.cpu_count() or 1))


def stay_on(cores: Collection[int], *, every_thread: bool = False) -> bool:
    """Keep the calling thread, and what it starts from now on, on `cores`; tell whether the system does that.

    With `every_thread` the process's other threads too. Of no cores nothing is kept. Raises `OSError` for
    cores that there are not.
    """
    if not cores:
        return True
    if not hasattr(os, "sched_setaffinity"):
        return False
    os.sched_setaffinity(0, cores)
    for thread in THREADS.iterdir() if every_thread else ():
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            os.sched_setaffinity(int(thread.name), cores)
    return True
