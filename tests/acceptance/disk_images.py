"""A disk of its own in a file, which can be searched byte for byte, whatever its file system shows."""

import contextlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

MEBIBYTE = 1_048_576


def why_no_image() -> str:
    """Return what is missing for an image of a disk, nothing where it can be had."""
    if shutil.which("mkfs.ext4", path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
        return "mkfs.ext4 is not installed (Debian's package: e2fsprogs)"
    with contextlib.suppress(OSError, subprocess.SubprocessError), disk_image(8):
        return ""
    return "no image of a disk can be mounted here (root may, where the kernel has loop devices)"


class DiskImage:
    """An ext4 file system at `folder`, kept in the file `image`."""

    def __init__(self, folder: Path, image: Path) -> None:
        self.folder = folder
        self._image = image
        self._mounted = False

    def mount(self) -> None:
        """Make it. Each write goes to the disk at once: what is deleted soon after has been there too."""
        _run("mkfs.ext4", "-q", "-F", "-E", "lazy_itable_init=0,lazy_journal_init=0", str(self._image))
        _run("mount", "-o", "loop,sync", str(self._image), str(self.folder))
        self._mounted = True

    def unmount(self, *, lazily: bool = False) -> None:
        """Have everything on the disk; lazily: also while somebody still has a file of it open."""
        if self._mounted:
            _run("umount", *(["--lazy"] if lazily else []), str(self.folder))
            self._mounted = False

    def raw(self, target: Path) -> Path:
        """Copy every byte that was ever written to the disk, and not the holes between, into `target`."""
        assert not self._mounted
        with self._image.open("rb") as image, target.open("wb") as copy:
            end, at = self._image.stat().st_size, 0
            while at < end:
                try:
                    begin = os.lseek(image.fileno(), at, os.SEEK_DATA)
                except OSError:  # nothing but a hole is left
                    break
                at = os.lseek(image.fileno(), begin, os.SEEK_HOLE)
                copy.write(os.pread(image.fileno(), at - begin, begin))
        return target


@contextmanager
def disk_image(mebibytes: int) -> Generator[DiskImage]:
    """A fresh, empty disk."""
    place = Path(tempfile.mkdtemp(prefix="sayso-image-"))
    try:
        place.chmod(0o755)
        (place / "disk").mkdir(mode=0o755)
        with (place / "image").open("wb") as file:
            file.truncate(mebibytes * MEBIBYTE)
        image = DiskImage(place / "disk", place / "image")
        try:
            image.mount()
            yield image
        finally:
            image.unmount(lazily=True)
    finally:
        shutil.rmtree(place)


def _run(*command: str) -> None:
    path = f"{os.environ['PATH']}:/usr/sbin:/sbin"
    subprocess.run(command, check=True, capture_output=True, env={**os.environ, "PATH": path})
