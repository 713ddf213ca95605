"""`sayso models alias`, `rollback` and `aliases`: where names lead, and led."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from sayso.app.names import named_catalogue
from sayso.app.planning import plan
from sayso.catalog.alias_history import AliasVersion
from sayso.catalog.materialize import pin
from sayso.catalog.name_store import load_names
from sayso.catalog.snapshot import FolderSource
from sayso.cli.console import id_table, out
from sayso.cli.database import with_database
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.db.session import Database
from sayso.errors import InvalidRequest
from sayso.jobs.model_names import Installation, move_alias, roll_back_alias
from sayso.tenancy.service import default_project

AliasArgument = Annotated[str, typer.Argument(metavar="NAME", help="An alias, such as gpt-3.5-turbo.")]


def alias_command(
    alias: AliasArgument,
    snapshot: Annotated[str, typer.Argument(help="A snapshot that is served, or an alias of it.")],
    at: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="From then on, such as 2026-03-01T12:00Z; default: now."),
    ] = None,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Have an alias lead to another snapshot; running servers follow within a second."""

    async def move(db: Database, settings: Settings) -> AliasVersion:
        by = (await default_project(db)).operator
        moment = None if at is None else microseconds(at)
        return await move_alias(db, by, await installed(db, settings), alias, snapshot, at=moment)

    _say(with_database(move, config, data_dir))


def rollback_command(
    alias: AliasArgument, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Have an alias lead where it did before its last move."""

    async def roll_back(db: Database, settings: Settings) -> AliasVersion:
        by = (await default_project(db)).operator
        return await roll_back_alias(db, by, await installed(db, settings), alias)

    _say(with_database(roll_back, config, data_dir))


def aliases_command(
    alias: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One alias.")] = None,
    as_json: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show where aliases led, lead and will lead, and who moved them."""

    async def read(db: Database, _: Settings) -> list[AliasVersion]:
        async with db.read() as session:
            names = await load_names(session)
        return [one for versions in names.versions.values() for one in versions if alias in (None, one.alias)]

    found = sorted(with_database(read, config, data_dir), key=lambda one: (one.alias, one.number))
    if as_json:
        out.out(json.dumps([_as_dict(one) for one in found]), highlight=False)
        return
    table = id_table("alias", "snapshot", "from", "before", "by")
    for one in found:
        by = one.actor or "the settings"
        table.add_row(one.alias, one.snapshot, shown(one.effective_from), one.previous or "-", by)
    out.print(table)


async def installed(db: Database, settings: Settings) -> Installation:
    """Return the models that a server with these settings knows and serves."""
    catalogue = await named_catalogue(settings, db)
    served = plan(settings, catalogue)
    here = [one for one in served if isinstance(one.source, FolderSource)]
    catalogue.know(pin(one, settings.data_dir / "models") for one in here)
    return Installation(catalogue, {snapshot.id for snapshot in served})


def microseconds(text: str) -> int:
    """Read a moment, in UTC unless it says otherwise. Raises `InvalidRequest`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidRequest(f"'{text}' is no moment such as 2026-03-01 or 2026-03-01T12:00Z.") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return int(moment.timestamp() * 1_000_000)


def shown(moment: int) -> str:
    """Return a moment for people, in UTC."""
    return datetime.fromtimestamp(moment / 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _say(version: AliasVersion) -> None:
    before = f" (before: {version.previous})" if version.previous else ""
    out.print(
        f"{version.alias} leads to {version.snapshot} from {shown(version.effective_from)} on{before}",
        markup=False,
    )


def _as_dict(version: AliasVersion) -> dict[str, Any]:
    return {
        "alias": version.alias,
        "snapshot": version.snapshot,
        "previous": version.previous,
        "effective_from": version.effective_from // 1_000_000,
        "created_at": version.made_at // 1_000_000,
        "created_by": version.actor,
        "cause": version.cause,
    }
