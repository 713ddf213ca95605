"""No process that holds content leaves its memory on a disk when it crashes."""

import contextlib
import ctypes
import resource
import sys

_PR_SET_DUMPABLE = 4


def write_no_core_dump() -> None:
    """Forbid core dumps to this process and to those that it starts.

    A limit of 0 keeps only files away: where the system pipes dumps into a program, Linux ignores it, and
    takes a limit of 1 byte for "none at all" in both cases. A process that may not set that any more is made
    undumpable, which also hides its `/proc` from its own user.
    """
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (1, 1))
    except (ValueError, OSError):  # the limit is 0 already, and this user may not raise it
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
