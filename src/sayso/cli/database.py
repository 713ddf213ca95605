"""Commands that work on the database, beside a running server or without one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from sayso.cli.console import refusals
from sayso.config import Settings, load_settings
from sayso.core.caller import AdminCaller
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.ids import ProjectId
from sayso.jobs.directory import named_scope
from sayso.tenancy.service import DEFAULT, default_project

T = TypeVar("T")

ProjectOption = Annotated[
    str | None, typer.Option("--project", metavar="PROJECT", help="A project, by id or name.")
]
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


async def chosen_project(db: Database, org: str, project: str | None) -> tuple[AdminCaller, ProjectId]:
    """Return the project of that id or name, without one the organization's first, and its operator.

    Raises `ObjectNotFound`.
    """
    usual = await default_project(db, org)
    if project is None:
        return usual.operator, usual.id
    scope = await named_scope(db, usual.org_id, project, None)
    return usual.operator, ProjectId(scope.id)
