"""The HTTP application with the data promise behind it."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import orjson

from sayso.api.application import create_api
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.ids import OrgId, ProjectId
from sayso.inference.keeping import Keeper
from sayso.retention.content import Retained
from sayso.retention.policies import set_policy
from sayso.retention.policy import Mode, RetentionSetting
from sayso.retention.reading import Wanted
from sayso.retention.service import Retention

ORG, PROJECT = OrgId("org_1"), ProjectId("proj_1")


@dataclass
class KeptWorld:
    """A world as `make_world` makes it, whose content is kept."""

    world: Any
    database: Database
    retention: Retention
    keeper: Keeper

    def client(self) -> httpx.AsyncClient:
        """A client with the key of the one caller."""
        client: httpx.AsyncClient = self.world.client()
        return client

    async def ask_for(self, mode: Mode, days: int = 0) -> None:
        """Set the organization's policy."""
        async with self.database.transaction() as session:
            await set_policy(
                session,
                organization_id=ORG,
                project_id=None,
                setting=RetentionSetting(mode, days),
                actor="user_1",
                now=self.keeper.clock(),
            )
        self.keeper.forget()

    async def kept(self, stored: bool | None = None) -> tuple[Retained, ...]:
        """Everything that is kept of the project, in order."""
        await asyncio.sleep(0)  # what has just ended is handed over in the loop's next turn
        await self.retention.store.flush()
        return (await self.retention.reader.page(ORG, PROJECT, Wanted(stored=stored))).items


def parts(record: Retained) -> dict[str, Any]:
    """A record's parts, read where they are JSON."""
    return {
        name: bytes(part) if name == "audio" else orjson.loads(part) for name, part in record.parts.items()
    }


@contextlib.asynccontextmanager
async def kept_world(world: Any, database_url: str, folder: Path) -> AsyncGenerator[KeptWorld]:
    """Put a store in the database at `database_url` under `world`."""
    async with Database.open(database_url) as database:
        await migrate(database)
        retention = await Retention.open(database, folder / "retention-keys")
        retention.store.start()
        keeper = Keeper(retention.store)
        services = replace(world.services, retention=retention, keeper=keeper)
        try:
            yield KeptWorld(
                replace(world, services=services, app=create_api(services)), database, retention, keeper
            )
        finally:
            await retention.close()
