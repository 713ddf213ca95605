"""Remove snapshots from this machine, never one that somebody needs."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.catalog.catalogue import wall_clock
from sayso.catalog.name_store import load_names
from sayso.catalog.snapshot import HubSource, PackageSource, Snapshot
from sayso.catalog.storage import folder_for, folder_size, set_aside
from sayso.core.caller import AdminCaller
from sayso.db.base import ID_LENGTH
from sayso.db.session import Database
from sayso.dedicated.store import pinned_by_instances
from sayso.errors import InvalidRequest, ObjectNotFound, SnapshotInUse
from sayso.jobs.model_names import Installation
from sayso.tenancy.audit import record


class PinnedBy(Protocol):
    """Says who holds a snapshot, in words that stand after "it is pinned by"; nobody: nothing."""

    async def __call__(self, session: AsyncSession, snapshot: str) -> Sequence[str]:
        """Look within the transaction that is about to remove it."""
        ...


async def pinned_by_projects(session: AsyncSession, snapshot: str) -> Sequence[str]:
    """Name the projects that have pinned a snapshot."""
    pins = (await load_names(session)).pins.values()
    return sorted({f"project {pin.project_id}" for pin in pins if pin.snapshot == snapshot})


HOLDERS: Final[tuple[PinnedBy, ...]] = (pinned_by_projects, pinned_by_instances)


@dataclass(frozen=True, slots=True)
class Pruned:
    """A snapshot on this machine; `reason` is why it was kept, empty where it went. `size` is in bytes."""

    snapshot: str
    size: int
    reason: str = ""


async def remove_snapshot(
    db: Database, by: AdminCaller, models: Installation, models_dir: Path, name: str
) -> Pruned:
    """Delete the files of a snapshot that came here by a pull or from a package.

    Raises `SnapshotInUse` that says who needs it, `InvalidRequest` for an alias and for files that are not
    sayso's, `ModelNotFound`, `ObjectNotFound` where it is not on this machine.
    """
    snapshot = next((one for one in models.catalogue.snapshots if one.id == name), None)
    if snapshot is None:
        target = models.catalogue.resolve(name).id
        raise InvalidRequest(f"'{name}' is an alias: name the snapshot, '{target}'.", param="snapshot")
    folder = _folder(snapshot, models_dir)
    if not folder.is_dir():
        raise ObjectNotFound(f"The snapshot '{name}' has no files on this machine.", param="snapshot")
    removed = await _remove(db, by, models, snapshot, folder)
    if removed.reason:
        raise SnapshotInUse(name, removed.reason)
    return removed


async def prune_snapshots(
    db: Database, by: AdminCaller, models: Installation, models_dir: Path, *, dry_run: bool = False
) -> list[Pruned]:
    """Delete the files of every snapshot here that nobody needs; say of the others who does."""
    found: list[Pruned] = []
    for snapshot in models.catalogue.snapshots:
        if isinstance(snapshot.source, PackageSource | HubSource) and snapshot.files:
            folder = folder_for(snapshot, models_dir)
            if folder.is_dir():
                found.append(await _remove(db, by, models, snapshot, folder, dry_run=dry_run))
    return found


async def need_of(session: AsyncSession, models: Installation, snapshot: str) -> str:
    """Return who needs a snapshot, as the end of "it can not be removed: …"; empty for nobody."""
    held = [name for holder in HOLDERS for name in await holder(session, snapshot)]
    if held:
        return f"it is pinned by {', '.join(held)}"
    named = {alias for alias, target in models.catalogue.aliases.items() if target == snapshot}
    if named := named | await _planned(session, snapshot):
        return f"{', '.join(sorted(named))} leads to it or is about to"
    return "it is served here" if snapshot in models.served else ""


async def _planned(session: AsyncSession, snapshot: str) -> set[str]:
    """Return the aliases that will lead to a snapshot, unless they are told otherwise first."""
    now = wall_clock()
    versions = (await load_names(session)).versions.values()
    return {
        one.alias
        for them in versions
        for one in them
        if one.snapshot == snapshot and one.effective_from > now and one.number == them[-1].number
    }


async def _remove(
    db: Database,
    by: AdminCaller,
    models: Installation,
    snapshot: Snapshot,
    folder: Path,
    *,
    dry_run: bool = False,
) -> Pruned:
    size = folder_size(folder)
    async with db.transaction() as session:
        reason = await need_of(session, models, snapshot.id)
        if reason or dry_run:
            return Pruned(snapshot.id, size, reason)
        details = {"snapshot": snapshot.id, "digest": snapshot.digest}
        await record(session, by, "snapshot.deleted", snapshot.id[:ID_LENGTH], details)
        # Renamed under the writers' lock, so that nobody pins meanwhile what is going.
        going = set_aside(folder)
    await asyncio.to_thread(shutil.rmtree, going)
    return Pruned(snapshot.id, size)


def _folder(snapshot: Snapshot, models_dir: Path) -> Path:
    match snapshot.source:
        case PackageSource() | HubSource():
            return folder_for(snapshot, models_dir)
        case _:
            raise InvalidRequest(f"The files of '{snapshot.id}' are not sayso's to remove.", param="snapshot")
