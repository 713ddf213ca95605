"""What a process takes of the memory."""

import os
from pathlib import Path

PROCESSES = Path("/proc")


def resident_bytes(pid: int | None = None) -> int:
    """Return the resident memory of a process, this one by default; 0 where the kernel does not tell."""
    try:
        pages = int((PROCESSES / (str(pid) if pid else "self") / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
