"""Commands that work on the database, beside a running server or without one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sayso.cli.console import refusals
from sayso.config import Settings, load_settings
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.tenancy.service import DEFAULT

T = TypeVar("T")

OrgOption = Annotated[
    str, typer.Option("--org", metavar="ORG", help=f"Organization, by id or slug; '{DEFAULT}' is the first.")
]


def with_database(
    work: Callable[[Database, Settings], Awaitable[T]], config: Path | None, data_dir: Path | None
) -> T:
    """Open the database that the settings name, bring it up to date, and return what `work` returns.

    What sayso refuses ends the command with one line and status 1.
    """

    async def run() -> T:
        settings = load_settings(config, data_dir=data_dir)
        async with Database.open(settings.database_url) as database:
            await migrate(database)
            return await work(database, settings)

    with refusals():
        return asyncio.run(run())
