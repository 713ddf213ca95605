"""How long threads compute before one that wakes gets its turn; Linux 6.12 and later."""

import ctypes
import os
import platform
from typing import Final

from sayso.core.cores import THREADS

SHORT_NANOSECONDS: Final = 500_000  # shorter than the usual slice, and enough for most of what a thread does

_SYSTEM_CALL: Final = {"x86_64": 314, "aarch64": 274}  # sched_setattr
_libc = ctypes.CDLL(None, use_errno=True)


class _Attributes(ctypes.Structure):
    """`struct sched_attr` in its first version, 48 bytes: sched(7), sched_setattr(2)."""

    _fields_ = (
        ("size", ctypes.c_uint32),
        ("policy", ctypes.c_uint32),
        ("flags", ctypes.c_uint64),
        ("nice", ctypes.c_int32),
        ("priority", ctypes.c_uint32),
        ("runtime", ctypes.c_uint64),
        ("deadline", ctypes.c_uint64),
        ("period", ctypes.c_uint64),
    )


def interrupt_longer_turns() -> bool:
    """Have this process's threads run as soon as they wake, in short turns; tell whether the kernel did.

    A thread that computes keeps its core for its time slice, some thousandths of a second, even from one
    that weighs more; one whose own slice is shorter interrupts it. What is started from now on inherits
    that. Older kernels take it and ignore it.
    """
    taken = [_set_slice(int(thread.name), SHORT_NANOSECONDS) for thread in THREADS.iterdir()]
    return all(taken)


def take_turns_as_usual() -> None:
    """Undo `interrupt_longer_turns`, which the calling thread may have inherited, for one that computes."""
    _set_slice(0, 0)


def _set_slice(thread: int, nanoseconds: int) -> bool:
    number = _SYSTEM_CALL.get(platform.machine())
    if number is None or not hasattr(os, "sched_getscheduler"):
        return False
    try:
        policy, nice = os.sched_getscheduler(thread), os.getpriority(os.PRIO_PROCESS, thread)
    except ProcessLookupError:  # it has ended meanwhile
        return True
    if policy not in (os.SCHED_OTHER, os.SCHED_BATCH):
        return False
    wanted = _Attributes(ctypes.sizeof(_Attributes), policy, 0, nice, 0, nanoseconds)
    failed: int = _libc.syscall(number, thread, ctypes.byref(wanted), 0)
    return not failed
