"""Commands that need the secret that keys are checked with, besides the database."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from sayso.app.tenancy import Tenancy, open_tenancy
from sayso.cli.console import refusals
from sayso.config import load_settings

T = TypeVar("T")


def with_tenancy(work: Callable[[Tenancy], Awaitable[T]], config: Path | None, data_dir: Path | None) -> T:
    """Open database and secret, bring the database up to date, and return what `work` returns.

    What sayso refuses ends the command with one line and status 1.
    """

    async def run() -> T:
        tenancy = await open_tenancy(load_settings(config, data_dir=data_dir))
        async with tenancy.database:
            return await work(tenancy)

    with refusals():
        return asyncio.run(run())
