"""A settlement that comes from a file counts once, whatever became of its hold meanwhile."""

import asyncio

from sqlalchemy import delete, update

from sayso.billing.late_settlement import LateSettlement
from sayso.billing.ledger import CLOSED_HOLDS_SECONDS, HOLD_SECONDS
from sayso.billing.reservation import Hold, IdempotencyClaim, Reservation
from sayso.billing.tables import Counter, HoldRow, IdempotencyKey, LedgerVersionRow, UsageEventRow
from sayso.billing.verify import verify
from sayso.core.metering import Quantities
from tests.integration.billing.conftest import Books, chat

ACTUAL = Quantities(9, 4, 2)


def late(hold: Hold, reservation: Reservation) -> LateSettlement:
    """What the file gives back."""
    return LateSettlement.decode(LateSettlement.of(hold, reservation, ACTUAL, "completed").encode())


async def charged_once(books: Books) -> None:
    (event,) = await books.rows(UsageEventRow)
    assert (event["charge"], event["outcome"]) == (26_000, "completed")
    assert (await verify(books.database)).divergence is None
    assert {row["held"] for row in await books.rows(Counter)} == {0}


async def test_it_settles_an_open_hold_once(books: Books) -> None:
    reservation = chat()
    settlement = late(await books.ledger.reserve(reservation), reservation)
    await asyncio.gather(*(books.ledger.settle_late(settlement) for _ in range(3)))
    await books.ledger.settle_late(settlement)
    await charged_once(books)


async def test_it_settles_a_hold_that_ran_out(books: Books) -> None:
    reservation = chat()
    hold = await books.ledger.reserve(reservation)
    books.ledger.abandon(hold)
    books.clock.advance(HOLD_SECONDS + 1)
    await books.ledger.keep()
    assert [row["state"] for row in await books.rows(HoldRow)] == ["void"]
    await books.ledger.settle_late(late(hold, reservation))
    await charged_once(books)


async def test_it_charges_where_a_power_cut_took_the_hold_back(books: Books) -> None:
    reservation = chat(idempotency=IdempotencyClaim(b"k" * 32, b"p" * 32))
    hold = await books.ledger.reserve(reservation)
    async with books.database.transaction() as session:
        for table in (HoldRow, Counter, IdempotencyKey):
            await session.execute(delete(table))
        await session.execute(update(LedgerVersionRow).values(version=LedgerVersionRow.version + 1))
    settlement = late(hold, reservation)
    books.clock.advance(5)
    await asyncio.gather(*(books.ledger.settle_late(settlement) for _ in range(3)))
    await books.ledger.settle_late(settlement)
    await charged_once(books)
    (kept,) = await books.rows(HoldRow)
    assert (kept["state"], kept["admitted_at"], kept["tokens"]) == ("settled", hold.admitted_at, 13)
    assert {(row["requests"], row["tokens"]) for row in await books.rows(Counter)} == {(1, 13)}


async def test_it_does_not_charge_again_once_the_hold_is_forgotten(books: Books) -> None:
    reservation = chat()
    hold = await books.ledger.reserve(reservation)
    await books.ledger.settle(hold, ACTUAL, "completed")
    books.clock.advance(CLOSED_HOLDS_SECONDS + 1)
    await books.ledger.keep()
    assert await books.rows(HoldRow) == []
    await books.ledger.settle_late(late(hold, reservation))
    await charged_once(books)
    assert await books.rows(HoldRow) == []
