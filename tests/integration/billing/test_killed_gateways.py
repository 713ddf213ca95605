"""A gateway that is killed in the middle of its work leaves consistent books."""

import asyncio
import random
import sys
from asyncio.subprocess import PIPE, Process

import pytest

from sayso.billing.ledger import HOLD_SECONDS, Ledger, wall_clock
from sayso.billing.tables import HoldRow, UsageEventRow
from sayso.billing.verify import verify
from tests.integration.billing.conftest import Books

COMMAND = (sys.executable, "-m", "tests.integration.billing.killable_gateway")


async def start(url: str, clients: int, requests: int) -> Process:
    return await asyncio.create_subprocess_exec(*COMMAND, url, str(clients), str(requests), stdout=PIPE)


async def killed(books: Books, url: str, chance: random.Random) -> None:
    """Kill a gateway in the middle of its work; then look at what it left."""
    process = await start(url, 8, 100_000)
    assert process.stdout is not None
    lines = [await process.stdout.readline() for _ in range(chance.randrange(2, 150))]
    process.kill()
    lines += (await process.stdout.read()).splitlines()
    await process.wait()
    said = [line.strip().decode() for line in lines]
    settled = {line[1:] for line in said if line.startswith("=") and len(line) == 37}
    charged = {row["request_id"] for row in await books.rows(UsageEventRow)}
    assert settled <= charged, "a charge that was reported is lost"
    found = (await verify(books.database)).divergence
    assert found is None


async def kills(books: Books, url: str, count: int) -> None:
    chance = random.Random(7)
    for _ in range(count):
        await killed(books, url, chance)
    events = await books.rows(UsageEventRow)
    assert len(events) > count
    assert {row["charge"] for row in events} == {26_000}
    # Once the orphans' time is over they are void, and nothing else has changed.
    later = Ledger.open(books.database, clock=lambda: wall_clock() + (HOLD_SECONDS + 1) * 1_000_000)
    await later.keep()
    await later.close()
    assert {row["state"] for row in await books.rows(HoldRow)} == {"settled", "void"}
    assert len(await books.rows(UsageEventRow)) == len(events)
    assert (await verify(books.database)).divergence is None


async def test_twenty_kills_leave_consistent_books(books: Books, database_url: str) -> None:
    await kills(books, database_url, 20)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_hundred_kills_leave_consistent_books(books: Books, database_url: str) -> None:
    await kills(books, database_url, 100)
