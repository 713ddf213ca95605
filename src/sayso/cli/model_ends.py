"""`sayso models deprecate` and `undeprecate`: names that come to an end."""

from typing import Annotated

import typer

from sayso.catalog.names import Deprecation
from sayso.cli.console import out
from sayso.cli.database import with_database
from sayso.cli.model_names import installed, microseconds, shown
from sayso.cli.model_pins import NameArgument
from sayso.cli.options import ConfigOption, DataDirOption
from sayso.config import Settings
from sayso.db.session import Database
from sayso.jobs.model_ends import announce_end, withdraw_end
from sayso.tenancy.service import default_project


def deprecate_command(
    model: NameArgument,
    shutdown: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="When it stops working, such as 2027-03-01; default: never."),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--from", metavar="TIME", help="When it stops being advised; default: now.")
    ] = None,
    replacement: Annotated[str, typer.Option(metavar="NAME", help="What to use instead.")] = "",
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Announce a name's end: in the list of models, and in a header of every response to it."""

    async def announce(db: Database, settings: Settings) -> Deprecation:
        return await announce_end(
            db,
            (await default_project(db)).operator,
            await installed(db, settings),
            model,
            deprecated_from=None if since is None else microseconds(since),
            shutdown_at=None if shutdown is None else microseconds(shutdown),
            replacement=replacement,
        )

    end = with_database(announce, config, data_dir)
    stops = "" if end.shutdown_at is None else f", and stops working on {shown(end.shutdown_at)}"
    out.print(f"{end.model} is deprecated from {shown(end.deprecated_from)} on{stops}", markup=False)


def undeprecate_command(
    model: NameArgument, data_dir: DataDirOption = None, config: ConfigOption = None
) -> None:
    """Take back what `sayso models deprecate` announced."""

    async def withdraw(db: Database, _: Settings) -> None:
        await withdraw_end(db, (await default_project(db)).operator, model)

    with_database(withdraw, config, data_dir)
    out.print(f"the end of {model} is taken back", markup=False)
