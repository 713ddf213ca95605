"""While the database takes nothing, settlements wait in the data folder and count once when it is back."""

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from sayso.billing.late_settlement import LateSettlement
from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.billing.reservation import Hold
from sayso.billing.settlement_spool import SettlementSpool
from sayso.billing.tables import Counter, HoldRow, LedgerVersionRow, UsageEventRow
from sayso.billing.verify import verify
from sayso.core.metering import Outcome, Quantities
from sayso.core.usage import TokenUsage
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.inference.metering import BilledLedger, ChatUsageEvent
from sayso.telemetry.metrics import Metrics
from tests.integration.billing.conftest import CALLER, Books, chat

OpenSpool = Callable[[], SettlementSpool]


@pytest.fixture
async def open_spool(books: Books, tmp_path: Path) -> AsyncGenerator[OpenSpool]:
    """A gateway's spool, in a data folder that they share."""
    folder = tmp_path / "spool"
    folder.mkdir()
    async with AsyncExitStack() as stack:

        def make() -> SettlementSpool:
            made = SettlementSpool(books.database, folder)
            stack.push_async_callback(made.close)
            return made

        yield make


class Away:
    """Makes a ledger's settlements fail, once or as long as it is on; they may have happened all the same."""

    def __init__(self, ledger: Ledger, monkeypatch: pytest.MonkeyPatch, *, after: bool = False) -> None:
        self.on = True
        settle = ledger._settle

        async def fail(operation: object) -> object:
            if not self.on:
                return await settle(operation)  # type: ignore[arg-type]
            if after:
                await settle(operation)  # type: ignore[arg-type]
            raise StorageUnavailable

        monkeypatch.setattr(ledger, "_settle", fail)


def used(outcome: Outcome = "completed") -> ChatUsageEvent:
    return ChatUsageEvent(CALLER, "gpt-3.5-turbo", "smollm2", TokenUsage(9, 4), outcome)


async def charged(books: Books) -> list[tuple[str, int]]:
    assert (await verify(books.database)).divergence is None
    return [(row["outcome"], row["charge"]) for row in await books.rows(UsageEventRow)]


@pytest.mark.parametrize("after", [False, True], ids=["refused", "commit unknown"])
async def test_an_answer_ends_without_the_database_and_is_charged_once(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    spool = open_spool()
    billing = BilledLedger(books.ledger, Metrics(), spool, patience=0.05)
    away = Away(books.ledger, monkeypatch, after=after)
    for _ in range(3):
        await billing.settle(await billing.reserve(chat()), used())
    assert spool.waiting == 3
    assert len(await charged(books)) == (3 if after else 0)
    with pytest.raises(StorageUnavailable):
        await spool.replay(books.ledger)
    away.on = False
    await spool.replay(books.ledger)
    await spool.replay(books.ledger)
    assert spool.waiting == 0
    assert await charged(books) == [("completed", 26_000)] * 3


async def test_what_waits_outlives_the_process(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = open_spool()
    billing = BilledLedger(books.ledger, Metrics(), first, patience=0.05)
    away = Away(books.ledger, monkeypatch)
    await billing.settle(await billing.reserve(chat()), used())
    await first.close()
    away.on = False
    second = open_spool()
    await second.replay(books.ledger)
    await second.close()
    assert await charged(books) == [("completed", 26_000)]
    third = open_spool()
    await third.open()
    assert third.waiting == 0


async def test_a_replay_runs_by_itself(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = BilledLedger(books.ledger, Metrics(), open_spool(), patience=0.05)
    away = Away(books.ledger, monkeypatch)
    billing.start()
    await billing.settle(await billing.reserve(chat()), used())
    away.on = False
    async with asyncio.timeout(5):
        while not await charged(books):  # noqa: ASYNC110 - the database has no event for it
            await asyncio.sleep(0.01)
    await billing.close()


async def test_nothing_is_looked_for_until_something_is_kept(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    billing = BilledLedger(books.ledger, Metrics(), spool, patience=0.05)
    await spool.replay(books.ledger)
    due = asyncio.create_task(spool.until_due(0.01))
    await asyncio.wait({due}, timeout=0.1)
    assert not due.done()
    Away(books.ledger, monkeypatch)
    await billing.settle(await billing.reserve(chat()), used())
    async with asyncio.timeout(2):
        await due
        await spool.until_due(0.01)  # it waits still, so it is tried again


async def test_a_stop_settles_what_waits(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    billing = BilledLedger(books.ledger, Metrics(), open_spool(), patience=0.05)
    away = Away(books.ledger, monkeypatch)
    await billing.settle(await billing.reserve(chat()), used())
    away.on = False
    await billing.close()
    assert await charged(books) == [("completed", 26_000)]


async def test_an_answer_that_can_be_kept_nowhere_does_not_go_out(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    await spool.open()
    billing = BilledLedger(books.ledger, Metrics(), spool, patience=0.05)
    away = Away(books.ledger, monkeypatch)

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    hold = await billing.reserve(chat())
    left = await billing.reserve(chat())
    with monkeypatch.context() as disk:
        disk.setattr(os, "pwrite", full)
        with pytest.raises(StorageUnavailable):
            await billing.settle(hold, used())
        await billing.settle(left, used("disconnected"))  # nobody is there to be told
        assert spool.waiting == 0
    away.on = False
    await billing.close()
    assert sorted(await charged(books)) == [("disconnected", 26_000), ("failed", 0)]


async def test_a_database_that_lost_its_holds_is_told_again(books: Books, open_spool: OpenSpool) -> None:
    billing = BilledLedger(books.ledger, Metrics(), open_spool())
    hold = await billing.reserve(chat())
    async with books.database.transaction() as session:
        for table in (HoldRow, Counter):
            await session.execute(delete(table))
        await session.execute(update(LedgerVersionRow).values(version=LedgerVersionRow.version + 1))
    await billing.settle(hold, used())
    assert await charged(books) == [("completed", 26_000)]


async def test_gateways_that_share_a_folder_do_not_share_a_file(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_spool(), open_spool()
    Away(books.ledger, monkeypatch)
    for spool in (first, second):
        billing = BilledLedger(books.ledger, Metrics(), spool, patience=0.05)
        await billing.settle(await billing.reserve(chat()), used())
    assert (first.waiting, second.waiting) == (1, 1)
    for spool in (first, second):
        await spool.close()
    alone = open_spool()
    await alone.open()
    assert alone.waiting == 2


async def test_what_waits_for_one_database_is_not_settled_in_another(
    books: Books, open_spool: OpenSpool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spool = open_spool()
    Away(books.ledger, monkeypatch)
    billing = BilledLedger(books.ledger, Metrics(), spool, patience=0.05)
    await billing.settle(await billing.reserve(chat()), used())
    await spool.close()
    async with Database.open(f"sqlite:///{tmp_path / 'other.db'}") as other:
        await migrate(other)
        await ensure_launch_prices(other)
        elsewhere = SettlementSpool(other, tmp_path / "spool")
        await elsewhere.open()
        assert elsewhere.waiting == 0
        await elsewhere.close()


async def test_what_the_ledger_refuses_stays_in_the_file(books: Books, open_spool: OpenSpool) -> None:
    reservation = chat()
    hold = await books.ledger.reserve(reservation)
    wrong = Hold(hold.request_id, hold.amount, admitted_at=hold.admitted_at, price_book_id=99)
    impossible = LateSettlement.of(wrong, reservation, Quantities(2**62, 2**62), "completed")
    good_reservation = chat()
    good = await books.ledger.reserve(good_reservation)
    spool = open_spool()
    await spool.keep(impossible)
    await spool.keep(LateSettlement.of(good, good_reservation, Quantities(9, 4), "completed"))
    await spool.replay(books.ledger)
    assert spool.waiting == 0
    assert await charged(books) == [("completed", 26_000)]
    await spool.close()
    again = open_spool()
    await again.open()
    assert again.waiting == 2
