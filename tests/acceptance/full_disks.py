"""Disks that can be filled and emptied: a small file system, or a limit on a process's files."""

import contextlib
import os
import resource
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

FILLER = "filler"
MEBIBYTE = 1_048_576


def may_mount() -> bool:
    """Whether this process may mount a file system."""
    with contextlib.suppress(OSError, subprocess.SubprocessError), _mounted(1):
        return True
    return False


@contextmanager
def small_disk(mebibytes: int) -> Generator[Path]:
    """A file system of its own in memory."""
    with _mounted(mebibytes) as folder:
        yield folder


@contextmanager
def _mounted(mebibytes: int) -> Generator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="sayso-disk-"))
    try:
        folder.chmod(0o755)
        options = f"size={mebibytes}m,mode=0755"
        command = ["mount", "-t", "tmpfs", "-o", options, "sayso-test", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        try:
            yield folder
        finally:
            subprocess.run(["umount", "--lazy", str(folder)], check=True, capture_output=True)
    finally:
        folder.rmdir()


@contextmanager
def filled(folder: Path) -> Generator[None]:
    """Leave not a byte of the file system that `folder` is on; give all back afterwards."""
    filler = folder / FILLER
    with filler.open("wb", buffering=0) as file:
        for size in (MEBIBYTE, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    file.write(b"x" * size)
    try:
        assert os.statvfs(folder).f_bavail == 0
        yield
    finally:
        filler.unlink()


@contextmanager
def no_file_grows(pid: int, beyond: int) -> Generator[None]:
    """Let the process write nothing behind so many bytes of a file, as under a quota."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (beyond, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


def full(folder: Path, pid: int, *, mounted: bool) -> AbstractContextManager[None]:
    """Fill the disk of the process's data folder, in whichever way there is."""
    if mounted:
        return filled(folder)
    sizes = [file.stat().st_size for file in folder.glob("sayso.db*")]
    return no_file_grows(pid, max(4096, *sizes))
