"""The books agree after anything that may happen, and one changed byte is found."""

import random

import pytest
from sqlalchemy import text

from sayso.billing.verify import verify
from sayso.core.metering import Outcome, Quantities
from sayso.ids import OrgId
from tests.integration.billing.conftest import Books, chat

OUTCOMES: tuple[Outcome, ...] = ("completed", "disconnected", "failed")


async def busy(books: Books) -> None:
    """Everything that a ledger can go through, several times."""
    chance = random.Random(5)
    for _ in range(12):
        hold = await books.ledger.reserve(chat(50, 50))
        match chance.randrange(4):
            case 0:
                await books.ledger.release(hold)
            case 1:
                books.ledger.abandon(hold)
            case _:
                actual = Quantities(chance.randrange(60), chance.randrange(60), 1)
                await books.ledger.settle(hold, actual, chance.choice(OUTCOMES))
        books.clock.advance(chance.randrange(20_000))
    await books.ledger.keep()
    await books.ledger.post("credit", OrgId("org_1"), "gift", (("org:org_1:credit", -5), ("gifts", 5)))
    charged = await books.ledger.settle(await books.ledger.reserve(chat()), Quantities(1, 1), "completed")
    assert charged.amount
    await books.ledger.reserve(chat())
    await books.ledger.reverse(1)


async def test_the_books_agree(books: Books) -> None:
    await busy(books)
    found = await verify(books.database)
    assert found.divergence is None
    assert found.transactions > 3
    assert found.usage_events > 3


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("ledger_entries", "SET amount = amount + 1 WHERE position = 0 AND transaction_id = 2"),
        ("ledger_transactions", "SET posted_at = posted_at + 1 WHERE id = 2"),
        ("ledger_transactions", "SET reference = 'other' WHERE kind = 'credit'"),
        ("usage_events", "SET completion_tokens = completion_tokens + 1 WHERE outcome = 'completed'"),
        ("usage_events", "SET api_key_id = 'key_2' WHERE charge > 0"),
        ("prices", "SET nano_usd = 1 WHERE model = '*chat'"),
        ("usage_hours", "SET requests = requests + 1"),
        ("usage_hours", "SET hour = hour + 3600"),
        ("usage_hours", "SET hour = hour + 864000 WHERE hour = (SELECT max(hour) FROM usage_hours)"),
        ("usage_hours", "SET model = 'other' WHERE hour = (SELECT min(hour) FROM usage_hours)"),
        ("usage_days", "SET completion_charge = completion_charge - 1"),
        ("usage_days", "SET day = day - 864000 WHERE day = (SELECT min(day) FROM usage_days)"),
        ("account_balances", "SET balance = balance + 1 WHERE account = 'gifts'"),
        ("counters", "SET held = held + 1 WHERE period = 'month'"),
        ("counters", "SET posted = posted - 1 WHERE period = 'day'"),
        ("counters", "SET tokens = tokens - 1 WHERE period = 'minute'"),
    ],
)
async def test_one_changed_value_is_found(books: Books, table: str, change: str) -> None:
    await busy(books)
    async with books.database.transaction() as session:
        if books.database.kind == "sqlite":
            await session.execute(text(f"DROP TRIGGER IF EXISTS {table}_refuse_update"))
        elif table in ("ledger_entries", "ledger_transactions", "usage_events", "prices"):
            await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        await session.execute(text(f"UPDATE {table} {change}"))
    divergence = (await verify(books.database)).divergence
    assert divergence is not None
    if not table.startswith(("usage_events", "prices", "ledger_entries")):
        assert divergence.table == table


async def test_a_missing_transaction_is_found(books: Books) -> None:
    await busy(books)
    async with books.database.transaction() as session:
        for table in ("ledger_entries", "ledger_transactions"):
            if books.database.kind == "sqlite":
                await session.execute(text(f"DROP TRIGGER {table}_refuse_delete"))
            else:
                await session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        await session.execute(text("DELETE FROM ledger_entries WHERE transaction_id = 2"))
        await session.execute(text("DELETE FROM ledger_transactions WHERE id = 2"))
    divergence = (await verify(books.database)).divergence
    assert divergence is not None
    assert divergence.reason == "transaction 2 is missing"
