"""Commands that work on what is kept: the database with its key store, beside a running server or without."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from sayso.app.retention import open_retention
from sayso.cli.console import refusals
from sayso.config import Settings, load_settings
from sayso.core.caller import AdminCaller
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.ids import ProjectId
from sayso.jobs.data_decisions import scope_of
from sayso.retention.service import Retention
from sayso.tenancy.service import default_project

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class KeptData:
    """What such a command works on."""

    database: Database
    settings: Settings
    promise: Retention

    @property
    def ceiling_days(self) -> int:
        """The most that the operator allows."""
        return self.settings.retention_days

    async def operator(self, organization: str) -> AdminCaller:
        """Return whom the command line is to an organization, by id or slug. Raises `ObjectNotFound`."""
        return (await default_project(self.database, organization)).operator

    async def project(self, by: AdminCaller, named: str | None) -> ProjectId | None:
        """Return a project by id or name, None where none is named. Raises `ObjectNotFound`."""
        return await scope_of(self.database, by.org_id, named)


def with_retention(work: Callable[[KeptData], Awaitable[T]], config: Path | None, data_dir: Path | None) -> T:
    """Open database and key store, bring the database up to date, and return what `work` returns.

    What sayso refuses ends the command with one line and status 1.
    """

    async def run() -> T:
        settings = load_settings(config, data_dir=data_dir)
        async with Database.open(settings.database_url) as database:
            await migrate(database)
            promise = await open_retention(settings, database)
            try:
                return await work(KeptData(database, settings, promise))
            finally:
                await promise.close()

    with refusals():
        return asyncio.run(run())


def moment(microseconds: int | None) -> str:
    """Return a moment for people, UTC."""
    if microseconds is None:
        return "-"
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"
