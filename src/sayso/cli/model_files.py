"""`sayso models verify`, `remove` and `prune`: the files of snapshots on this machine."""

import asyncio
from typing import Annotated

import typer

from sayso.app.names import catalogue_in_force
from sayso.app.planning import plan
from sayso.catalog.materialize import materialize, pin
from sayso.catalog.snapshot import Snapshot, UpstreamSource
from sayso.catalog.storage import verify
from sayso.cli.console import FileProgress, id_table, out, refusals
from sayso.cli.database import with_database
from sayso.cli.model_names import installed
from sayso.cli.options import ConfigOption, DataDirOption
from sayso.config import SCRIPTED, Settings, load_settings
from sayso.db.session import Database
from sayso.jobs.model_files import Pruned, prune_snapshots, remove_snapshot
from sayso.tenancy.service import default_project

MIB = 1 << 20


def verify_command(
    model: Annotated[
        str | None, typer.Argument(metavar="[NAME]", help="A model; default: all that are served.")
    ] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Read every file of a model and compare it with its digest, as a server does when it starts."""
    progress = FileProgress()
    with refusals():
        settings = load_settings(config, data_dir=data_dir)
        catalogue = asyncio.run(catalogue_in_force(settings))
        wanted = plan(settings, catalogue) if model is None else (catalogue.resolve(model),)
        try:
            whole = [_verified(settings, one, progress) for one in wanted if _has_files(one)]
        finally:
            progress.close()
    for snapshot in whole:
        out.print(
            f"{snapshot.id} is whole: files: {len(snapshot.files)}, digest {snapshot.digest}", markup=False
        )


def remove_command(
    snapshot: Annotated[str, typer.Argument(help="A snapshot, by its own name.")],
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete a snapshot's files; one that is served, named or pinned stays."""

    async def remove(db: Database, settings: Settings) -> Pruned:
        by = (await default_project(db)).operator
        models_dir = settings.data_dir / "models"
        return await remove_snapshot(db, by, await installed(db, settings), models_dir, snapshot)

    removed = with_database(remove, config, data_dir)
    out.print(f"{removed.snapshot} is gone: {removed.size / MIB:,.0f} MiB", markup=False)


def prune_command(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would go, and delete nothing.")
    ] = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Delete the files of every snapshot that is neither served nor named nor pinned."""

    async def prune(db: Database, settings: Settings) -> list[Pruned]:
        by = (await default_project(db)).operator
        models_dir = settings.data_dir / "models"
        return await prune_snapshots(db, by, await installed(db, settings), models_dir, dry_run=dry_run)

    table = id_table("snapshot", "MiB", "")
    for one in with_database(prune, config, data_dir):
        gone = "would go" if dry_run else "gone"
        table.add_row(one.snapshot, f"{one.size / MIB:,.0f}", f"stays: {one.reason}" if one.reason else gone)
    out.print(table)


def _has_files(snapshot: Snapshot) -> bool:
    return not isinstance(snapshot.source, UpstreamSource) and snapshot.engine not in SCRIPTED


def _verified(settings: Settings, snapshot: Snapshot, progress: FileProgress) -> Snapshot:
    models_dir = settings.data_dir / "models"
    pinned = pin(snapshot, models_dir, progress)
    verify(pinned.id, pinned.files, materialize(pinned, models_dir, progress), progress)
    return pinned
