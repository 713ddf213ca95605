"""Model folders on disk: where they are, that one process at a time writes, and that their files are whole.

<models_dir>/<id, percent-encoded>/<first 12 digits of the manifest>/   the files and snapshot.json
                                   .lock
"""

import fcntl
import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeAlias
from urllib.parse import quote

from sayso.catalog.manifest import dump_snapshot
from sayso.catalog.snapshot import Snapshot, SnapshotFile
from sayso.errors import IntegrityError

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
    home = model_dir(snapshot.id, models_dir)
    folder, older = home / snapshot.manifest[:12], home / _older_name(snapshot)
    return older if older.is_dir() and not folder.is_dir() else folder


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
        old = set_aside(final)
        folder.rename(final)
        shutil.rmtree(old)
    else:
        folder.rename(final)


def set_aside(folder: Path) -> Path:
    """Rename a folder so that nobody finds it; return what is to be deleted, or goes with the next build."""
    aside = Path(tempfile.mkdtemp(prefix=".new-", dir=folder.parent))
    folder.rename(aside / "old")
    return aside


def folder_size(folder: Path) -> int:
    """Return the bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
    """Raise `IntegrityError`, which names the file, unless the two are the same bytes."""
    if (expected.sha256, expected.size) != (found.sha256, found.size):
        raise IntegrityError(
            f"model '{model_id}': {expected.name} is damaged: {found.size} bytes with SHA-256 "
            f"{found.sha256}, expected {expected.size} with {expected.sha256}"
        )


def verify(
    model_id: str, files: Iterable[SnapshotFile], folder: Path, progress: Progress = no_progress
) -> None:
    """Read every file whole.

    Raises `IntegrityError` that names the first which is missing or not what it is stated to be.
    """
    for file in files:
        path = folder / file.name
        if not path.is_file():
            raise IntegrityError(f"model '{model_id}': {file.name} is missing")
        check_file(model_id, file, hash_file(path, file.name, progress))


def check_names(snapshot: Snapshot, folder: Path, *, alone: bool = True) -> None:
    """Look at names and sizes, which takes no time: whoever loads the files reads them whole first.

    Raises `IntegrityError` for a file that is missing or has another size and, where the snapshot's shall be
    `alone` in the folder, for one that is no part of it.
    """
    sizes = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if not path.is_dir()
    }
    sizes.pop(MANIFEST, None)
    expected = {file.name: file.size for file in snapshot.files}
    for name in sorted({*sizes, *expected}):
        if name not in sizes:
            raise IntegrityError(f"model '{snapshot.id}': {name} is missing")
        if name not in expected and alone:
            raise IntegrityError(f"model '{snapshot.id}': {name} is no part of it")
        if sizes[name] != expected.get(name, sizes[name]):
            raise IntegrityError(
                f"model '{snapshot.id}': {name} is damaged: {sizes[name]} bytes, expected {expected[name]}"
            )


def _older_name(snapshot: Snapshot) -> str:
    """Return the folder's name of a time when it depended on the generation defaults too."""
    lines = sorted(f"{file.name}\0{file.sha256}\n" for file in snapshot.files)
    lines.append(
        f"temperature={snapshot.temperature} top_p={snapshot.top_p} answer={snapshot.answer_tokens}\n"
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:12]
