"""Twenty requests whose storage fails once, at every call of the driver in turn.

Whatever fails: who got the end of an answer is charged for it once, who did not is not, and the next request
is served.
"""

import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from sayso.billing.ledger import HOLD_SECONDS, Ledger, LedgerWriter, must_outlive_a_power_cut
from sayso.billing.price_book import ensure_launch_prices
from sayso.billing.settlement_spool import SettlementSpool
from sayso.billing.tables import HoldRow, UsageEventRow
from sayso.billing.verify import verify
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.db.writer import GroupWriter
from sayso.inference.metering import BilledLedger
from sayso.telemetry.metrics import Metrics
from tests.integration.billing.billed_application import application
from tests.integration.billing.conftest import Books, Clock
from tests.integration.billing.faulty_storage import POSTGRESQL_FAULTS, SQLITE_FAULTS, Fault, Plan, install
from tests.integration.billing.twenty_requests import KINDS, Seen, send
from tests.postgresql_server import PostgresqlServer

NO_FAULT = Fault("none", RuntimeError)
TOKEN = 2_000  # nano-dollars
SPEECH = 200_000  # nano-dollars for the two seconds of the script
RUNS = 40  # in one database, which grows meanwhile
FEW = KINDS[:3]  # of which every call fails where seconds count, with one fault after the other


@dataclass
class Shop:
    """The application with books whose storage follows a plan."""

    app: FastAPI
    books: Books
    spool: SettlementSpool
    plan: Plan
    known: set[str] = field(default_factory=set)

    async def run(self, name: str, at: int, fault: Fault, kinds: Sequence[str] = KINDS) -> bool:
        """Send requests of these kinds with a fault at call number `at`; tell whether it came to that."""
        self.plan.arm(at, fault)
        seen = [await send(self.app, kind, name) for kind in kinds]
        struck = bool(self.plan.struck)
        self.plan.arm(0, None)
        seen.append(await send(self.app, "whole", name))
        assert seen[-1].ended, "the next request is served"
        await self.spool.replay(self.books.ledger)
        self.books.clock.advance(HOLD_SECONDS + 1)
        await self.books.ledger.keep()
        assert {row["state"] for row in await self.books.rows(HoldRow)} <= {"settled", "void"}
        events = {row["request_id"]: row for row in await self.books.rows(UsageEventRow)}
        agree(seen, {key: events[key] for key in events.keys() - self.known})
        self.known |= events.keys()
        assert (await verify(self.books.database)).divergence is None
        return struck


def agree(seen: list[Seen], events: dict[str, Any]) -> None:
    """Every answer that ended is charged once for what it said, and nothing else is."""
    for one in seen:
        row = events.pop(one.request_id, None)
        if one.kind == "left" and one.status == 200:
            assert row is not None, one
            assert row["outcome"] in ("disconnected", "completed")
            assert row["charge"] == TOKEN * (row["prompt_tokens"] + row["completion_tokens"]) > 0
        elif one.ended:
            assert row is not None, one
            assert row["outcome"] == "completed"
            assert row["charge"] == (SPEECH if "speech" in one.kind else TOKEN * one.tokens) > 0
        else:
            assert row is None, one
    assert events == {}
    assert sum(one.ended for one in seen if one.kind == "idempotent") <= 1
    assert sum(one.failed for one in seen) <= 1


@asynccontextmanager
async def open_shop(url: str, folder: Path) -> AsyncGenerator[Shop]:
    clock, plan = Clock(), Plan()
    async with Database.open(url) as database:
        await migrate(database)
        await ensure_launch_prices(database)
        engine = database.sync_engine()
        install(engine, plan)
        ledger = Ledger(GroupWriter(engine, LedgerWriter(clock), durable=must_outlive_a_power_cut))
        spool = SettlementSpool(database, folder)
        await spool.open()
        billed = BilledLedger(ledger, Metrics(), spool)
        try:
            yield Shop(application(billed), Books(database, ledger, clock), spool, plan)
        finally:
            await billed.close()
            await ledger.close()


@pytest.fixture
def memory_folder() -> Generator[Path]:
    """A folder on a disk that is quick, where there is one: here only the order of calls matters."""
    shared = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=shared if shared.is_dir() else None))
    yield folder
    shutil.rmtree(folder)


def faults_of(url: str) -> tuple[Fault, ...]:
    return SQLITE_FAULTS if url.startswith("sqlite") else POSTGRESQL_FAULTS


@pytest.fixture(params=["sqlite", "postgresql"])
def urls(request: pytest.FixtureRequest, memory_folder: Path) -> Generator[str]:
    """Fresh databases of one kind, as many as are asked for."""
    if request.param == "sqlite":
        return (f"sqlite:///{memory_folder / f'sayso{number}.db'}" for number in itertools.count())
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return (server.new_database() for _ in itertools.count())


async def test_without_a_fault_every_request_ends_as_it_should(
    urls: Generator[str], memory_folder: Path
) -> None:
    async with open_shop(next(urls), memory_folder) as shop:
        assert not await shop.run("whole", 0, NO_FAULT)
        answered = [await send(shop.app, kind, "again") for kind in KINDS]
    assert [one.kind for one in answered if one.failed] == []
    assert sum(one.ended for one in answered) == len(KINDS) - 6  # left, refused, unknown, twice the same key


async def test_a_storage_that_fails_once(urls: Generator[str], memory_folder: Path) -> None:
    url = next(urls)
    faults = itertools.cycle(faults_of(url))
    async with open_shop(url, memory_folder) as shop:
        runs = 0
        for at in itertools.count(1):
            if not await shop.run(f"{at}", at, next(faults), FEW):
                break
            runs += 1
    assert runs > 40


@pytest.mark.long
@pytest.mark.timeout(3_000)
async def test_a_storage_that_fails_at_every_call(urls: Generator[str], memory_folder: Path) -> None:
    begun, reached, first = time.monotonic(), {}, next(urls)
    for fault in faults_of(first):
        numbers, struck = itertools.count(1), True
        while struck:
            async with open_shop(next(urls), memory_folder) as shop:
                for at in itertools.islice(numbers, RUNS):
                    if not (struck := await shop.run(f"{at}", at, fault)):
                        reached[fault.name] = at
                        break
    print(f"{first.partition(':')[0]}: passed at call {reached}, {time.monotonic() - begun:.0f} s")
    assert min(reached.values()) > 100
