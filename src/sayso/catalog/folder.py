"""A model that lies in a folder of the operator's: what it is made of, found out by reading it."""

import json
from dataclasses import replace
from pathlib import Path

from sayso.catalog.snapshot import Snapshot, SnapshotFile
from sayso.catalog.storage import Progress, hash_file, model_dir
from sayso.errors import ConfigurationError

INDEX = ".files.json"


def scan(snapshot: Snapshot, folder: Path, models_dir: Path, progress: Progress) -> Snapshot:
    """Return the snapshot with every file of `folder` listed, hidden ones left out.

    Digests are remembered in the model's folder under `models_dir`, by path, size, time and inode. Raises
    `ConfigurationError` if there is no such folder or nothing in it.
    """
    if not folder.is_dir():
        raise ConfigurationError(f"model '{snapshot.id}': there is no folder '{folder}'")
    index = model_dir(snapshot.id, models_dir) / INDEX
    known = _read(index)
    marks: dict[str, str] = {}
    files: list[SnapshotFile] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not path.is_file() or any(part.startswith(".") for part in name.split("/")):
            continue
        status = path.stat()
        mark = f"{path}|{status.st_size}|{status.st_mtime_ns}|{status.st_ino}"
        sha256 = known.get(mark) or hash_file(path, name, progress).sha256
        marks[mark] = sha256
        files.append(SnapshotFile(name, sha256, status.st_size))
    if not files:
        raise ConfigurationError(f"model '{snapshot.id}': there are no files in '{folder}'")
    if marks != known:
        index.parent.mkdir(parents=True, exist_ok=True)
        index.write_text(json.dumps(marks), "utf-8")
    return replace(snapshot, files=tuple(files))


def _read(index: Path) -> dict[str, str]:
    try:
        return dict(json.loads(index.read_text("utf-8")))
    except (OSError, ValueError):
        return {}
