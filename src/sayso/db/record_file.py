"""An append-only file of small records: durable once written, readable after a torn write or a power cut.

A line holds the CRC-32 of its record as eight hex digits, a space and the record. Room is reserved when the
file is made, so that a disk that is full by then still takes records; what is not written yet is zeros.
"""

import errno
import fcntl
import os
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Self


class RecordFile:
    """Records of one process, which holds the file's lock. All methods wait for the disk; any thread may."""

    def __init__(self, descriptor: int, content: bytes) -> None:
        self._descriptor = descriptor
        self.records, self.damaged = _read(content)
        self._end = len(content.rstrip(b"\0"))
        self._synced = self._end
        self._lost = 0  # a record that ends here or before may never reach the disk
        self._writing = threading.Lock()
        self._syncing = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, room: int) -> Self:
        """Open or make the file, with `room` bytes reserved, readable by its owner alone.

        `records` are those that it held, in order; `damaged` counts lines that can not be read. Raises
        `OSError`, as `BlockingIOError` where another process has it open.
        """
        descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            content = _content(descriptor)
            _reserve(descriptor, room, len(content))
            _sync_folder(path.parent)
            opened = cls(descriptor, content)
            if opened._end and content[opened._end - 1 : opened._end] != b"\n":
                opened._put(b"\n")  # what was torn shall not spoil what comes next
        except OSError:
            os.close(descriptor)
            raise
        return opened

    @property
    def size(self) -> int:
        """Bytes that are in use."""
        return self._end

    def append(self, record: bytes) -> None:
        """Add a record, without line ends or zeros; it is durable on return. Raises `OSError`, without it."""
        line = b"%08x %s\n" % (zlib.crc32(record), record)
        with self._writing:
            start = self._put(line)
        try:
            self._sync(start + len(line))
        except OSError:
            with self._writing, suppress(OSError):  # or it might be found again
                _write(self._descriptor, b" " * (len(line) - 1) + b"\n", start)
            raise

    def clear(self, size: int) -> bool:
        """Empty the file, unless it has grown beyond `size`; tell whether it is empty. Raises `OSError`."""
        with self._syncing, self._writing:
            if self._end != size:
                return False
            _write(self._descriptor, b"\0" * size, 0)
            os.fsync(self._descriptor)
            self._end = self._synced = self._lost = 0
            return True

    def close(self) -> None:
        """Close the file; another process may open it."""
        os.close(self._descriptor)

    def _put(self, line: bytes) -> int:
        """Write `line` at the end; return where it starts."""
        start = self._end
        try:
            _write(self._descriptor, line, start)
        except OSError:
            with suppress(OSError):
                _write(self._descriptor, b"\0" * len(line), start)
            raise
        self._end = start + len(line)
        return start

    def _sync(self, end: int) -> None:
        """Wait until all up to `end` is on the disk: one wait serves everybody who wrote before it."""
        with self._syncing:
            # After a failure the system forgets what it could not write, and the next wait succeeds.
            if end <= self._lost:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            if end <= self._synced:
                return
            reached = self._end
            try:
                os.fsync(self._descriptor)
            except OSError:
                self._lost = self._end
                raise
            self._synced = reached


def _read(content: bytes) -> tuple[list[bytes], int]:
    """Return the records in `content`, and how many lines are none."""
    records, damaged = [], 0
    for line in content.split(b"\n"):
        text = line.strip(b"\0 ")
        checksum, _, record = text.partition(b" ")
        if checksum == b"%08x" % zlib.crc32(record) and record:
            records.append(record)
        elif text:
            damaged += 1
    return records, damaged


def _content(descriptor: int) -> bytes:
    size = os.fstat(descriptor).st_size
    parts, position = [], 0
    while position < size and (part := os.pread(descriptor, size - position, position)):
        parts.append(part)
        position += len(part)
    return b"".join(parts)


def _reserve(descriptor: int, room: int, held: int) -> None:
    """Make the file `room` bytes long on the disk itself."""
    if not room:
        return
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(descriptor, 0, room)
    elif held < room:
        _write(descriptor, b"\0" * (room - held), held)
    os.fsync(descriptor)


def _write(descriptor: int, content: bytes, start: int) -> None:
    view = memoryview(content)
    while view:
        written = os.pwrite(descriptor, view, start)
        view, start = view[written:], start + written


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
