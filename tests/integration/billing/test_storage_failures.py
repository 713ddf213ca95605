"""A full disk, a full queue, a closing ledger: all or nothing, and back by itself."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from sayso.billing.ledger import Ledger, LedgerWriter
from sayso.billing.price_book import PriceBookDraft, ensure_launch_prices, launch_prices, publish
from sayso.billing.pricing import PriceRow
from sayso.billing.reservation import Hold
from sayso.billing.tables import HoldRow, UsageEventRow
from sayso.billing.verify import verify
from sayso.core.metering import Quantities
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.db.writer import GroupWriter
from sayso.errors import InvalidRequest, StorageUnavailable
from tests.integration.billing.conftest import START, Books, Clock, chat


async def test_a_full_disk_refuses_everybody_changes_nothing_and_passes(tmp_path: Path) -> None:
    async with Database.open(f"sqlite:///{tmp_path / 'sayso.db'}") as database:
        await migrate(database)
        await ensure_launch_prices(database)
        engine, pages = database.sync_engine(), 1_000_000

        @event.listens_for(engine, "connect")
        def bound(connection: Any, _record: object) -> None:
            connection.execute(f"PRAGMA max_page_count = {pages}")

        writer: Any = GroupWriter(engine, LedgerWriter(Clock()))
        books = Books(database, Ledger(writer), Clock())
        hold = await books.ledger.reserve(chat())
        await books.ledger.settle(hold, Quantities(1, 1), "completed")
        kept = await books.ledger.reserve(chat())
        pages = 1  # SQLite takes the size that the file has for the least
        writer._disconnect()
        before = {row["request_id"] for row in await books.rows(HoldRow)}
        long = [chat(model="m" * 200 + str(n)) for n in range(100)]
        refused = await asyncio.gather(*map(books.ledger.reserve, long), return_exceptions=True)
        assert {type(one) for one in refused} == {StorageUnavailable}
        assert {row["request_id"] for row in await books.rows(HoldRow)} == before
        assert (await verify(database)).divergence is None
        pages = 1_000_000
        granted = await asyncio.gather(*map(books.ledger.reserve, long), return_exceptions=True)
        assert {type(one) for one in granted} == {Hold}
        await books.ledger.settle(kept, Quantities(2, 2), "completed")
        assert (await verify(database)).divergence is None
        await books.ledger.close()


async def test_a_full_queue_refuses_and_closing_writes_what_waits(books: Books) -> None:
    writer: Any = GroupWriter(books.database.sync_engine(), LedgerWriter(books.clock), queue_limit=20)
    ledger = Ledger(writer)
    results = asyncio.gather(*(ledger.reserve(chat()) for _ in range(200)), return_exceptions=True)
    await asyncio.sleep(0)
    await ledger.close()
    outcomes = await results
    granted = [one for one in outcomes if isinstance(one, Hold)]
    assert 20 <= len(granted) < 200
    assert all(isinstance(one, Hold | StorageUnavailable) for one in outcomes)
    assert len(await books.rows(HoldRow)) == len(granted)
    with pytest.raises(StorageUnavailable):
        await ledger.reserve(chat())


async def test_a_caller_that_is_cancelled_has_no_hold(books: Books) -> None:
    waiting = asyncio.create_task(books.ledger.reserve(chat()))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await books.ledger.keep()  # by now the hold was granted and given back
    await books.ledger.keep()
    assert [row["state"] for row in await books.rows(HoldRow)] == ["void"]
    assert (await verify(books.database)).divergence is None


async def test_requests_that_straddle_a_change_cost_what_was_in_force_when_they_came(books: Books) -> None:
    before = await books.ledger.reserve(chat())
    double = tuple(
        PriceRow(row.model, row.meter, 2 * row.nano_usd, row.unit_size, row.increment, row.minimum)
        for row in launch_prices().rows
    )
    draft = PriceBookDraft("double", "USD", double)
    later = 253_402_300_799_000_000  # the end of the year 9999: no test's clock is there by chance
    await publish(books.database, draft, effective_from=later)
    books.clock.now = later
    after = await books.ledger.reserve(chat())
    for hold, price in ((before, 2_000), (after, 4_000)):
        assert (await books.ledger.settle(hold, Quantities(1, 1), "completed")).amount == 2 * price
    assert sorted(row["price_book_id"] for row in await books.rows(UsageEventRow)) == [1, 2]
    assert (await verify(books.database)).divergence is None
    with pytest.raises(InvalidRequest, match="published already"):
        await publish(books.database, draft, effective_from=later + 1)
    with pytest.raises(InvalidRequest, match="past"):
        await publish(books.database, PriceBookDraft("back", "USD", double), effective_from=START)
