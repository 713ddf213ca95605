"""Whole answers that may be charged and have not left yet: a list that outlives its process.

A charge is durable before its answer leaves, so a process that dies in between has charged for what nobody
got. The names of such requests are in a file that is mapped into memory: putting one in and taking it out
costs no system call, and the system keeps what a killed process wrote. A power cut may take back the last
half minute of it, which is why a list is no proof of a charge: the ledger decides.
"""

import mmap
import os
from collections.abc import Set
from pathlib import Path
from typing import Self

SLOT = 64  # bytes, more than a request's id has
SLOTS = 4_096  # answers of one gateway that may be on their way out at once


class UnsentAnswers:
    """The requests of one gateway, which holds the lock of the settlements' file beside this one."""

    def __init__(self, memory: mmap.mmap) -> None:
        self._memory = memory
        self._slots = _used(memory)
        taken = set(self._slots.values())
        self._free = [slot for slot in reversed(range(SLOTS)) if slot not in taken]
        self.found = frozenset(self._slots)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or make the file, readable by its owner alone; `found` is what is in it. Raises `OSError`."""
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            _reserve(descriptor)
            return cls(mmap.mmap(descriptor, SLOT * SLOTS))
        finally:
            os.close(descriptor)

    @classmethod
    def forgetful(cls) -> Self:
        """Return a list that does not outlive the process, where there is no room for a file."""
        return cls(mmap.mmap(-1, SLOT * SLOTS))

    def add(self, request_id: str) -> None:
        """Put a request in; one too many is left out, and its charge stands whatever happens."""
        if self._free and request_id not in self._slots:
            slot = self._slots[request_id] = self._free.pop()
            name = request_id.encode()
            self._memory[slot * SLOT : slot * SLOT + SLOT] = name.ljust(SLOT, b"\0")

    def remove(self, request_id: str) -> None:
        """Take a request out, if it is in."""
        slot = self._slots.pop(request_id, None)
        if slot is not None:
            self._memory[slot * SLOT] = 0
            self._free.append(slot)

    def keep_only(self, request_ids: Set[str]) -> None:
        """Take every other request out."""
        for request_id in self._slots.keys() - request_ids:
            self.remove(request_id)

    def close(self) -> None:
        """Let go of the file, and leave in it what is in it."""
        self._memory.close()


def _used(memory: mmap.mmap) -> dict[str, int]:
    """Return the requests that are in the file, with their slots; what was torn is none."""
    names: dict[str, int] = {}
    for slot in range(SLOTS):
        name = memory[slot * SLOT : slot * SLOT + SLOT].rstrip(b"\0")
        if name and name.isascii() and name[0]:
            names[name.decode()] = slot
    return names


def _reserve(descriptor: int) -> None:
    """Have room for all slots on the disk itself: a page that has none would end the process."""
    size = SLOT * SLOTS
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, size)
    elif (held := os.fstat(descriptor).st_size) < size:
        os.pwrite(descriptor, bytes(size - held), held)
