"""Two servers on one database, of either kind: limits and budgets are exact over both together."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import httpx
import pytest
from sqlalchemy import delete, insert, select

from sayso.billing.tables import Budget, HoldRow, RateLimit, UsageEventRow
from sayso.db.session import Database
from sayso.tenancy.key_tables import ApiKey
from tests.acceptance.gateway_pairs import two_gateways
from tests.acceptance.running_server import RunningServer

SCRIPTED = """
load_models = ["scripted"]
[models.scripted]
kind = "chat"
engine = "fake"
"""
CLIENTS = 50
REQUESTS = 60
WORST = 680_000  # nano-dollars that are held for one: 340 tokens at most
MORE = 40  # requests that a budget has room for before it can not hold another
BODY = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}], "max_tokens": 50}


@pytest.fixture
async def gateways(tmp_path: Path, database_url: str) -> AsyncIterator[list[RunningServer]]:
    async with two_gateways(tmp_path, database_url, SCRIPTED) as running:
        yield running


async def saturate(gateways: list[RunningServer], attempts: int) -> Counter[int]:
    """Return how often each status was answered to clients on both servers."""
    headers = {"authorization": f"Bearer {gateways[0].key}"}
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(
                httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=30)
            )
            for server in gateways
        ]

        async def client(number: int) -> list[int]:
            at = clients[number % 2]
            return [(await at.post("/chat/completions", json=BODY)).status_code for _ in range(attempts)]

        answers = await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return Counter(status for some in answers for status in some)


async def test_two_servers_admit_exactly_the_limit_and_the_budget(
    gateways: list[RunningServer], database_url: str
) -> None:
    async with Database.open(database_url) as db:
        async with db.transaction() as session:
            key = (await session.scalars(select(ApiKey))).one()
            scope = {"scope_kind": "project", "scope_id": key.project_id, "period": "day"}
            limit = {**scope, "model": "", "meter": "requests", "value": REQUESTS}
            await session.execute(insert(RateLimit), [limit])
        assert await saturate(gateways, 2) == {200: REQUESTS, 429: 2 * CLIENTS - REQUESTS}
        count, charge = await billed(db)
        assert count == REQUESTS
        budget = charge + WORST + MORE * charge // count

        async with db.transaction() as session:
            await session.execute(delete(RateLimit))
            await session.execute(insert(Budget), [{**scope, "nano_usd": budget}])
        answers = await saturate(gateways, 2)
        assert 0 < answers[200] <= MORE + 1
        assert answers[429] == 2 * CLIENTS - answers[200]
        count, charge = await billed(db)
        assert count == REQUESTS + answers[200]
        assert charge <= budget
        async with db.read() as session:
            assert set(await session.scalars(select(HoldRow.state))) == {"settled"}


async def billed(db: Database) -> tuple[int, int]:
    """Return how many requests were charged, and how much for all of them."""
    async with db.read() as session:
        charges = (await session.scalars(select(UsageEventRow.charge))).all()
    return len(charges), sum(charges)
