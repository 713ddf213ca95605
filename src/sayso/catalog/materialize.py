"""From a catalogue entry to a folder of verified files that an engine can open."""

from pathlib import Path
from typing import assert_never

from sayso.catalog.folder import scan
from sayso.catalog.packages import join
from sayso.catalog.snapshot import FolderSource, HubSource, PackageSource, Snapshot, UpstreamSource
from sayso.catalog.storage import (
    Progress,
    building,
    check_names,
    folder_for,
    locked,
    no_progress,
    verify,
    write_manifest,
)
from sayso.errors import ConfigurationError, IntegrityError


def pin(snapshot: Snapshot, models_dir: Path, progress: Progress = no_progress) -> Snapshot:
    """Return the snapshot with its files listed, hence with a digest that says what it is.

    Only a folder without a list is read, whole the first time and again once it has changed; the rest
    comes back as it is.
    """
    match snapshot.source:
        case FolderSource(path) if not snapshot.files:
            return scan(snapshot, Path(path), models_dir, progress)
        case _:
            return snapshot


def materialize(snapshot: Snapshot, models_dir: Path, progress: Progress = no_progress) -> Path:
    """Return the folder with the snapshot's files, making it where it can be made here.

    What is there already is looked at and not read: an engine's host reads every file whole before it loads
    one. Safe to call from several processes at once. Raises `IntegrityError` if a file is missing or has
    another size, `ConfigurationError` if the model must be pulled first, or if it has no files.
    """
    match snapshot.source:
        case PackageSource():
            folder = folder_for(snapshot, models_dir)
            if not folder.is_dir():
                _join(snapshot, folder, progress)
            check_names(snapshot, folder)
            return folder
        case HubSource():
            folder = folder_for(snapshot, models_dir)
            if not snapshot.files or not folder.is_dir():
                raise ConfigurationError(
                    f"model '{snapshot.id}' is not on this machine yet: sayso models pull {snapshot.id}"
                )
            check_names(snapshot, folder)
            return folder
        case FolderSource(path):
            check_names(pin(snapshot, models_dir, progress), Path(path), alone=False)
            return Path(path)
        case UpstreamSource():
            raise ConfigurationError(f"model '{snapshot.id}' runs on another server and has no files here")
        case _:
            assert_never(snapshot.source)


def remake(snapshot: Snapshot, models_dir: Path, progress: Progress = no_progress) -> Path:
    """Return the folder of a snapshot whose files are packages, made anew unless it is whole.

    Raises `ConfigurationError` if a package is missing or damaged.
    """
    folder = folder_for(snapshot, models_dir)
    try:
        check_names(snapshot, folder)
        verify(snapshot.id, snapshot.files, folder, progress)
    except IntegrityError:
        _join(snapshot, folder, progress, anew=True)
    return folder


def _join(snapshot: Snapshot, folder: Path, progress: Progress, *, anew: bool = False) -> None:
    with locked(folder.parent):
        if folder.is_dir() and not anew:
            return  # another process was faster
        with building(folder) as new:
            for file in snapshot.files:
                join(snapshot.id, file, new, progress)
            write_manifest(snapshot, new)
