"""A ledger in a fresh database of either kind, with a clock that tests turn."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import insert, select

from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.billing.reservation import IdempotencyClaim, Reservation
from sayso.billing.tables import Budget, RateLimit
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.db.base import Base
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.ids import KeyId, OrgId, ProjectId, new_request_id

CALLER = Caller(OrgId("org_1"), ProjectId("proj_1"), KeyId("key_1"))
START = 1_677_672_010_000_000  # 1 March 2023, 12:00:10 UTC, in microseconds


@dataclass
class Clock:
    now: int = START

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@dataclass
class Books:
    """A database, its ledger and the clock that the ledger reads."""

    database: Database
    ledger: Ledger
    clock: Clock

    async def rows(self, model: type[Base]) -> list[dict[str, Any]]:
        """Every row of a table, in the order of its primary key."""
        table = model.__table__
        async with self.database.read() as session:
            found = await session.execute(select(table).order_by(*table.primary_key))
            return [dict(row) for row in found.mappings()]

    async def limit(self, meter: str, value: int, **fields: str) -> None:
        row = {"scope_kind": "project", "scope_id": "proj_1", "model": "", "period": "minute", **fields}
        async with self.database.transaction() as session:
            await session.execute(insert(RateLimit), [{**row, "meter": meter, "value": value}])

    async def budget(self, nano_usd: int, **fields: str) -> None:
        row = {"scope_kind": "project", "scope_id": "proj_1", "period": "day", **fields}
        async with self.database.transaction() as session:
            await session.execute(insert(Budget), [{**row, "nano_usd": nano_usd}])


def chat(
    prompt: int = 10,
    completion: int = 20,
    *,
    caller: Caller = CALLER,
    model: str = "gpt-3.5-turbo",
    idempotency: IdempotencyClaim | None = None,
) -> Reservation:
    """A chat of at most so many tokens."""
    return Reservation(
        request_id=new_request_id(),
        caller=caller,
        endpoint="chat.completions",
        kind="chat",
        model=model,
        snapshot="smollm2",
        streamed=False,
        worst=Quantities(prompt, completion),
        idempotency=idempotency,
    )


@pytest.fixture
async def books(database_url: str) -> AsyncGenerator[Books]:
    clock = Clock()
    async with Database.open(database_url) as database:
        await migrate(database)
        await ensure_launch_prices(database)
        ledger = Ledger.open(database, clock=clock)
        await ledger.keep()  # connects: on a busy machine that may take longer than an admission may
        try:
            yield Books(database, ledger, clock)
        finally:
            await ledger.close()
