"""The application with real books, over a storage that fails once in a while; and what must hold then."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar, runtime_checkable
from unittest.mock import patch

from fastapi import FastAPI
from sqlalchemy import Engine

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
from tests.integration.billing.twenty_requests import KINDS, Seen, send

TOKEN = 2_000  # nano-dollars
SPEECH = 200_000  # nano-dollars for the two seconds of the script
RUNS = 40  # in one database, which grows meanwhile

FaultT = TypeVar("FaultT", contravariant=True)


class FaultPlan(Protocol[FaultT]):
    """Says which call fails."""

    @property
    def struck(self) -> object:
        """Whether one has failed."""
        ...

    def arm(self, at: int, fault: FaultT, /) -> None:
        """Let the call number `at` from now fail, 0: none."""
        ...


@runtime_checkable
class Installed(Protocol):
    """A plan that has to know the engine."""

    def install(self, engine: Engine) -> None:
        """Follow the connections that the engine opens from now on."""
        ...


@dataclass
class Shop(Generic[FaultT]):
    """The application with books whose storage follows a plan."""

    app: FastAPI
    books: Books
    spool: SettlementSpool
    plan: FaultPlan[FaultT]
    known: set[str] = field(default_factory=set)

    async def run(self, name: str, at: int, fault: FaultT, kinds: Sequence[str] = KINDS) -> bool:
        """Send requests of these kinds with a fault at call number `at`; tell whether it came to that."""
        self.plan.arm(at, fault)
        seen = [await send(self.app, kind, name) for kind in kinds]
        struck = bool(self.plan.struck)
        self.plan.arm(0, fault)
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
async def open_shop(url: str, folder: Path, plan: FaultPlan[FaultT]) -> AsyncGenerator[Shop[FaultT]]:
    """Open the books at `url`; a plan that is installed in a driver gets the engine of those that write."""
    clock = Clock()
    # What is looked at here is what fails, not what is slow.
    with (
        patch("sayso.core.patience.ADMISSION_SECONDS", 30.0),
        patch("sayso.inference.metering.SETTLE_SECONDS", 30.0),
    ):
        async with _opened(url, folder, plan, clock) as shop:
            yield shop


@asynccontextmanager
async def _opened(
    url: str, folder: Path, plan: FaultPlan[FaultT], clock: Clock
) -> AsyncGenerator[Shop[FaultT]]:
    async with Database.open(url) as database:
        await migrate(database)
        await ensure_launch_prices(database)
        engine = database.sync_engine()
        if isinstance(plan, Installed):
            plan.install(engine)
        ledger = Ledger(GroupWriter(engine, LedgerWriter(clock), durable=must_outlive_a_power_cut))
        spool = SettlementSpool(database, folder)
        await spool.open()
        billed = BilledLedger(ledger, Metrics(), spool)
        try:
            yield Shop(application(billed), Books(database, ledger, clock), spool, plan)
        finally:
            await billed.close()
            await ledger.close()
