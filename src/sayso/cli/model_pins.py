"""`sayso models pin`, `unpin` and `pins`: snapshots that projects stay with."""

import json
from typing import Annotated

import typer

from sayso.catalog.name_store import load_names
from sayso.catalog.names import Pin
from sayso.cli.console import id_table, out
from sayso.cli.database import OrgOption, ProjectOption, chosen_project, with_database
from sayso.cli.model_names import installed, shown
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.db.session import Database
from sayso.ids import ProjectId
from sayso.jobs.model_pins import pin_model, unpin_model
from sayso.tenancy.service import DEFAULT

NameArgument = Annotated[str, typer.Argument(metavar="NAME", help="A model, by alias or snapshot.")]


def pin_command(
    model: NameArgument,
    snapshot: Annotated[
        str | None, typer.Argument(metavar="[SNAPSHOT]", help="Where it shall lead; default: where it does.")
    ] = None,
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Have a project's requests for a name go to one snapshot, wherever the name moves."""

    async def pin(db: Database, settings: Settings) -> Pin:
        by, project_id = await chosen_project(db, org, project)
        return await pin_model(db, by, await installed(db, settings), project_id, model, snapshot)

    made = with_database(pin, config, data_dir)
    out.print(f"{made.model} leads to {made.snapshot} for project {made.project_id}", markup=False)


def unpin_command(
    model: NameArgument,
    org: OrgOption = DEFAULT,
    project: ProjectOption = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Let a project's requests for a name go where everybody's do."""

    async def unpin(db: Database, _: Settings) -> ProjectId:
        by, project_id = await chosen_project(db, org, project)
        await unpin_model(db, by, project_id, model)
        return project_id

    project_id = with_database(unpin, config, data_dir)
    out.print(f"{model} is not pinned any more for project {project_id}", markup=False)


def pins_command(
    as_json: JsonOption = False, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Show what every project has pinned."""

    async def read(db: Database, _: Settings) -> list[Pin]:
        async with db.read() as session:
            return list((await load_names(session)).pins.values())

    pins = sorted(with_database(read, config, data_dir), key=lambda one: (one.project_id, one.model))
    if as_json:
        rows = [
            {"project_id": pin.project_id, "model": pin.model, "snapshot": pin.snapshot, "digest": pin.digest}
            for pin in pins
        ]
        out.out(json.dumps(rows), highlight=False)
        return
    table = id_table("project", "name", "snapshot", "digest", "since")
    for pin in pins:
        table.add_row(pin.project_id, pin.model, pin.snapshot, pin.digest[:12], shown(pin.made_at))
    out.print(table)
