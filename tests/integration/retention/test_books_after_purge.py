"""Content goes, what is owed stays: after a purge the books and the month's invoice are what they were."""

from dataclasses import replace

from sqlalchemy import delete

from sayso.billing.invoice_document import as_csv, as_json
from sayso.billing.invoice_store import draft, issue
from sayso.billing.invoices import Month, Party
from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.billing.tables import AccountBalance, LedgerEntry, LedgerTransaction, UsageEventRow, UsageHour
from sayso.billing.verify import verify
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.ids import KeyId
from sayso.retention.tables import RetainedChunk, RetainedRecord
from tests.integration.billing.conftest import chat
from tests.integration.retention.conftest import DAY, HOUR, ORG, PROJECT, Vault

CALLER = Caller(ORG, PROJECT, KeyId("key_1"))
BUYER = Party(ORG, "Buyer", ((PROJECT, "First"),))
MARCH = Month(2023, 3)
BOOKS = (UsageEventRow, UsageHour, LedgerTransaction, LedgerEntry, AccountBalance)
REQUESTS = 40


async def answer(vault: Vault, ledger: Ledger, number: int) -> None:
    """Answer a chat: reserve, settle for less, keep what was said."""
    asked = replace(chat(1_000, 500, caller=CALLER), model="gpt-3.5-turbo" if number % 3 else "my-alias")
    hold = await ledger.reserve(asked)
    await ledger.settle(hold, Quantities(7 + number, 3 * number + 1), "completed")
    await vault.keep(f"text {number}", record_id=f"chatcmpl_{asked.request_id}")


async def test_after_a_purge_the_books_hold_and_the_invoice_is_the_same(vault: Vault) -> None:
    await ensure_launch_prices(vault.database)
    ledger = Ledger.open(vault.database, clock=vault.clock)
    try:
        for number in range(REQUESTS):
            await answer(vault, ledger, number)
    finally:
        await ledger.close()
    assert len(await vault.rows(RetainedRecord)) == REQUESTS
    books = {table: await vault.rows(table) for table in BOOKS}
    invoice = await draft(vault.database, BUYER, MARCH)
    assert invoice.nano_usd > 0

    vault.clock.advance(30 * DAY + HOUR)
    assert (await vault.sweep()).records == REQUESTS
    assert await vault.rows(RetainedRecord) == await vault.rows(RetainedChunk) == []

    assert {table: await vault.rows(table) for table in BOOKS} == books
    assert len(books[UsageEventRow]) == REQUESTS
    verified = await verify(vault.database)
    assert (verified.usage_events, verified.divergence) == (REQUESTS, None)
    again = await draft(vault.database, BUYER, MARCH)
    assert (as_json(again), as_csv(again)) == (as_json(invoice), as_csv(invoice))
    issued = await issue(vault.database, BUYER, MARCH)
    assert (issued.lines, issued.nano_usd) == (invoice.lines, invoice.nano_usd)
    print(f"{REQUESTS} requests, {invoice.nano_usd} nano-dollars before and after")


async def test_books_that_lost_a_row_would_be_found_out(vault: Vault) -> None:
    """The control: what a purge must not do."""
    await ensure_launch_prices(vault.database)
    ledger = Ledger.open(vault.database, clock=vault.clock)
    try:
        await answer(vault, ledger, 1)
    finally:
        await ledger.close()
    async with vault.database.transaction() as session:
        await session.execute(delete(UsageHour))
    assert (await verify(vault.database)).divergence is not None
