"""Model folders on disk: where they are, that one process at a time writes, and that their files are whole.

<models_dir>/<id, percent-encoded>/<first 12 digits of the digest>/   the files and snapshot.json
                                   .stamp-<…>.json                    their size, time and inode once verified
                                   .lock
"""

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from sayso.catalog.manifest import dump_snapshot
from sayso.catalog.snapshot import Snapshot, SnapshotFile
from sayso.errors import ConfigurationError

Progress: TypeAlias = Callable[[str, int, int], None]
"""Called with a file's name, its bytes done and its bytes in all."""

CHUNK: Final = 1 << 20
MANIFEST: Final = "snapshot.json"


def no_progress(name: str, done: int, total: int) -> None:
    """Show nothing."""


def model_dir(model_id: str, models_dir: Path) -> Path:
    """Return the folder that holds every version of a model."""
    return models_dir / quote(model_id, safe="")


def folder_for(snapshot: Snapshot, models_dir: Path) -> Path:
    """Return where the snapshot's files belong; nothing need be there."""
    return model_dir(snapshot.id, models_dir) / snapshot.digest[:12]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder against other processes, waiting for a turn; what a killed one left is removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(".new-*"):
            shutil.rmtree(leftover)
        yield


@contextmanager
def building(final: Path) -> Iterator[Path]:
    """Yield an empty folder that becomes `final` when the block ends well, and vanishes when it does not.

    To be used under `locked(final.parent)`.
    """
    folder = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
    folder.chmod(0o755)
    try:
        yield folder
        publish(folder, final)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def publish(folder: Path, final: Path) -> None:
    """Rename `folder` to `final`; what was there before goes."""
    if final.exists():
        old = Path(tempfile.mkdtemp(prefix=".new-", dir=final.parent))
        final.rename(old / "old")
        folder.rename(final)
        shutil.rmtree(old)
    else:
        folder.rename(final)


def write_manifest(snapshot: Snapshot, folder: Path) -> None:
    """Write `snapshot.json` beside the files."""
    (folder / MANIFEST).write_text(json.dumps(dump_snapshot(snapshot), indent=2) + "\n", "utf-8")


def hash_file(path: Path, name: str, progress: Progress = no_progress) -> SnapshotFile:
    """Read a whole file and return its name, SHA-256 and size."""
    total = path.stat().st_size
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            progress(name, done, total)
    return SnapshotFile(name, digest.hexdigest(), done)


def check_file(model_id: str, expected: SnapshotFile, found: SnapshotFile) -> None:
    """Raise `ConfigurationError`, which names the file, unless the two are the same bytes."""
    if (expected.sha256, expected.size) != (found.sha256, found.size):
        raise ConfigurationError(
            f"model '{model_id}': {expected.name} is damaged: {found.size} bytes with SHA-256 "
            f"{found.sha256}, expected {expected.size} with {expected.sha256}"
        )


def verify(snapshot: Snapshot, folder: Path, progress: Progress = no_progress) -> None:
    """Read every file of the snapshot whole.

    Raises `ConfigurationError` that names the first file which is missing or not what the snapshot says.
    """
    for file in snapshot.files:
        path = folder / file.name
        if not path.is_file():
            raise ConfigurationError(f"model '{snapshot.id}': {file.name} is missing")
        check_file(snapshot.id, file, hash_file(path, file.name, progress))


def stamp(snapshot: Snapshot, folder: Path, stamps_dir: Path) -> None:
    """Record that the files were verified as they now stand."""
    path = _stamp_path(snapshot, stamps_dir)
    new = path.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(_marks(snapshot, folder)), "utf-8")
    new.replace(path)


def is_stamped(snapshot: Snapshot, folder: Path, stamps_dir: Path) -> bool:
    """Tell, from sizes, times and inodes alone, whether nothing has touched the files since `stamp`."""
    try:
        marks = json.loads(_stamp_path(snapshot, stamps_dir).read_text("utf-8"))
        return bool(marks == _marks(snapshot, folder))
    except (OSError, ValueError):
        return False


def _stamp_path(snapshot: Snapshot, stamps_dir: Path) -> Path:
    return stamps_dir / f".stamp-{snapshot.digest[:12]}.json"


def _marks(snapshot: Snapshot, folder: Path) -> dict[str, list[int | str]]:
    marks: dict[str, list[int | str]] = {}
    for file in snapshot.files:
        status = (folder / file.name).stat()
        if status.st_size != file.size:
            raise OSError(f"{file.name} has another size")
        marks[file.name] = [file.sha256, status.st_size, status.st_mtime_ns, status.st_ino]
    return marks
