"""From a catalogue entry to a folder of verified files that an engine can open."""

from pathlib import Path
from typing import assert_never

from sayso.catalog.folder import scan
from sayso.catalog.packages import join
from sayso.catalog.snapshot import FolderSource, HubSource, PackageSource, Snapshot, UpstreamSource
from sayso.catalog.storage import (
    Progress,
    building,
    folder_for,
    is_stamped,
    locked,
    no_progress,
    stamp,
    verify,
    write_manifest,
)
from sayso.errors import ConfigurationError


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
    """Return the folder with the snapshot's verified files, making it where it can be made here.

    A folder that was verified before and not touched since is not read again. Safe to call from several
    processes at once. Raises `ConfigurationError` if a file is missing or damaged, if the model must be
    pulled first, or if it has no files.
    """
    match snapshot.source:
        case PackageSource():
            return _from_packages(snapshot, models_dir, progress)
        case HubSource():
            return _pulled(snapshot, models_dir, progress)
        case FolderSource():
            return _in_place(pin(snapshot, models_dir, progress), models_dir, progress)
        case UpstreamSource():
            raise ConfigurationError(f"model '{snapshot.id}' runs on another server and has no files here")
        case _:
            assert_never(snapshot.source)


def _from_packages(snapshot: Snapshot, models_dir: Path, progress: Progress) -> Path:
    folder = folder_for(snapshot, models_dir)
    if is_stamped(snapshot, folder, folder.parent):
        return folder
    with locked(folder.parent):
        if not is_stamped(snapshot, folder, folder.parent):
            # Touched or never there: the packages have every byte, so it is made anew rather than examined.
            with building(folder) as new:
                for file in snapshot.files:
                    join(snapshot.id, file, new, progress)
                write_manifest(snapshot, new)
            stamp(snapshot, folder, folder.parent)
    return folder


def _pulled(snapshot: Snapshot, models_dir: Path, progress: Progress) -> Path:
    folder = folder_for(snapshot, models_dir)
    if not snapshot.files or not folder.is_dir():
        raise ConfigurationError(
            f"model '{snapshot.id}' is not on this machine yet: sayso models pull {snapshot.id}"
        )
    if not is_stamped(snapshot, folder, folder.parent):
        verify(snapshot, folder, progress)
        stamp(snapshot, folder, folder.parent)
    return folder


def _in_place(snapshot: Snapshot, models_dir: Path, progress: Progress) -> Path:
    assert isinstance(snapshot.source, FolderSource)
    folder, stamps = Path(snapshot.source.path), folder_for(snapshot, models_dir).parent
    if not is_stamped(snapshot, folder, stamps):
        verify(snapshot, folder, progress)
        stamps.mkdir(parents=True, exist_ok=True)
        stamp(snapshot, folder, stamps)
    return folder
