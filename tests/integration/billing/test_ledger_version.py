"""What the ledger's writer keeps in mind is forgotten as soon as somebody else writes."""

import pytest
from sqlalchemy import delete, select, update

from sayso.billing.ledger import Ledger
from sayso.billing.price_book import PriceBookDraft, launch_prices, publish
from sayso.billing.tables import Budget, HoldRow, LedgerVersionRow
from sayso.core.metering import Quantities
from sayso.errors import ObjectNotFound, QuotaExceeded, RateLimited
from tests.integration.billing.conftest import Books, chat


async def version(books: Books) -> int:
    async with books.database.read() as session:
        return (await session.scalars(select(LedgerVersionRow.version))).one()


async def test_limits_budgets_and_prices_raise_it(books: Books) -> None:
    seen = [await version(books)]
    await books.limit("requests", 1_000)
    seen.append(await version(books))
    await books.budget(10**12)
    seen.append(await version(books))
    async with books.database.transaction() as session:
        await session.execute(update(Budget).values(nano_usd=1))
    seen.append(await version(books))
    async with books.database.transaction() as session:
        await session.execute(delete(Budget))
    seen.append(await version(books))
    draft = PriceBookDraft("next", "USD", launch_prices().rows)
    await publish(books.database, draft, effective_from=2**62)
    seen.append(await version(books))
    assert seen == sorted(set(seen))


async def test_a_new_limit_holds_from_the_next_request_on(books: Books) -> None:
    first = await books.ledger.reserve(chat())
    await books.limit("requests", 1)
    with pytest.raises(RateLimited):
        await books.ledger.reserve(chat())
    await books.budget(1)
    books.clock.advance(60)
    with pytest.raises(QuotaExceeded):
        await books.ledger.reserve(chat())
    await books.ledger.settle(first, Quantities(1, 1), "completed")


async def test_two_writers_in_turns_count_together(books: Books) -> None:
    other = Ledger.open(books.database, clock=books.clock)
    try:
        await books.limit("requests", 4)
        holds = [await ledger.reserve(chat()) for ledger in (books.ledger, other, books.ledger, other)]
        for ledger in (other, books.ledger):
            with pytest.raises(RateLimited):
                await ledger.reserve(chat())
        for hold, ledger in zip(holds, (other, books.ledger, other, books.ledger), strict=True):
            await ledger.settle(hold, Quantities(1, 1), "completed")
        assert {row["state"] for row in await books.rows(HoldRow)} == {"settled"}
    finally:
        await other.close()


async def test_without_it_what_is_in_mind_is_believed(books: Books) -> None:
    """The other half: the memory is used, or nothing above would show that it is forgotten."""
    remembered, forgotten = await books.ledger.reserve(chat()), await books.ledger.reserve(chat())
    async with books.database.transaction() as session:
        await session.execute(delete(HoldRow))
    await books.ledger.settle(remembered, Quantities(1, 1), "completed")
    async with books.database.transaction() as session:
        await session.execute(update(LedgerVersionRow).values(version=LedgerVersionRow.version + 1))
    with pytest.raises(ObjectNotFound):
        await books.ledger.settle(forgotten, Quantities(1, 1), "completed")
