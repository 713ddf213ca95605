"""Invoices of real usage: exact, numbered, never changed, and never more than what is owed."""

from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sayso.billing.credits import GRANTED, available, grant_entries
from sayso.billing.invoice_store import InvoiceAltered, all_issued, draft, first_fault, issue, issued
from sayso.billing.invoices import Month, Party
from sayso.billing.reservation import Reservation
from sayso.billing.tables import LedgerTransaction, UsageEventRow
from sayso.core.metering import Outcome, Quantities
from sayso.errors import InvalidRequest
from sayso.ids import OrgId, ProjectId, new_request_id
from tests.integration.billing.conftest import CALLER, START, Books, chat

MARCH = Month(2023, 3)
APRIL = Month(2023, 4)
BUYER = Party("org_1", "Buyer", (("proj_1", "First"),))
OTHER = replace(CALLER, org_id=OrgId("org_2"), project_id=ProjectId("proj_9"))


def speech(milliseconds: int) -> Reservation:
    return Reservation(
        request_id=new_request_id(),
        caller=CALLER,
        endpoint="audio.transcriptions",
        kind="speech",
        model="whisper-1",
        snapshot="whisper-base",
        streamed=False,
        worst=Quantities(audio_milliseconds=milliseconds),
    )


async def spend(
    books: Books, reservation: Reservation | None = None, outcome: Outcome = "completed"
) -> Reservation:
    made = reservation or chat(1_000, 500)
    hold = await books.ledger.reserve(made)
    await books.ledger.settle(hold, made.worst, outcome)
    return made


async def credit_of(books: Books, org_id: str = "org_1") -> int:
    async with books.database.read() as session:
        return await available(session, OrgId(org_id))


async def test_lines_are_what_was_used(books: Books) -> None:
    for _ in range(3):
        await spend(books)
    await spend(books, speech(61_499))
    await spend(books, chat(7, 7), outcome="failed")
    await spend(books, chat(9, 9, caller=OTHER))
    await spend(books, chat(1, 0, model="my-alias"))
    invoice = await draft(books.database, BUYER, MARCH, seller="Seller", note="Note")
    assert [
        (one.model, one.meter, one.quantity, one.billed_quantity, one.nano_usd) for one in invoice.lines
    ] == [
        ("gpt-3.5-turbo", "prompt_tokens", 3_000, 3_000, 6_000_000),
        ("gpt-3.5-turbo", "completion_tokens", 1_500, 1_500, 3_000_000),
        ("my-alias", "prompt_tokens", 1, 1, 2_000),
        ("whisper-1", "audio_milliseconds", 61_499, 61_000, 6_100_000),
    ]
    assert {one.price_version for one in invoice.lines} == {"launch"}
    charges = [row["charge"] for row in await books.rows(UsageEventRow) if row["organization_id"] == "org_1"]
    assert invoice.nano_usd == sum(charges) == 15_102_000
    assert (invoice.state, invoice.number, invoice.total_cents) == ("draft", None, 2)
    assert (await draft(books.database, BUYER, APRIL)).lines == ()


async def test_a_month_ends_at_midnight_utc(books: Books) -> None:
    books.clock.now = MARCH.end * 1_000_000 - 1
    await spend(books)
    books.clock.now += 1
    await spend(books)
    await spend(books)
    assert (await draft(books.database, BUYER, MARCH)).nano_usd == 3_000_000
    assert (await draft(books.database, BUYER, APRIL)).nano_usd == 6_000_000


async def test_an_issued_invoice_keeps_its_number_and_never_changes(books: Books) -> None:
    await spend(books)
    await spend(books, chat(5, 5, caller=OTHER))
    first = await issue(books.database, BUYER, MARCH, seller="Seller")
    second = await issue(books.database, Party("org_2", "Other"), MARCH)
    assert (first.number, second.number) == ("INV-000001", "INV-000002")
    await spend(books)  # into a month that is closed: the clock of a test can do that
    renamed = replace(BUYER, name="Renamed")
    assert await issue(books.database, renamed, MARCH, seller="Another") == first
    assert await issued(books.database, OrgId("org_1"), MARCH) == first
    assert await issued(books.database, OrgId("org_1"), APRIL) is None
    assert await all_issued(books.database) == (second, first)
    assert await all_issued(books.database, OrgId("org_2")) == (second,)
    assert first.seller == "Seller"
    assert await first_fault(books.database) is None


@pytest.mark.parametrize("statement", ["UPDATE invoices SET total_cents = 0", "DELETE FROM invoices"])
async def test_the_database_itself_refuses_changes(books: Books, statement: str) -> None:
    await spend(books)
    await issue(books.database, BUYER, MARCH)
    with pytest.raises(DBAPIError, match="invoices is append-only"):
        async with books.database.transaction() as session:
            await session.execute(text(statement))


async def test_no_invoice_while_something_is_still_to_come(books: Books) -> None:
    hold = await books.ledger.reserve(chat())
    with pytest.raises(InvalidRequest, match="1 requests of 2023-03 are still under way"):
        await issue(books.database, BUYER, MARCH)
    await books.ledger.release(hold)
    with pytest.raises(InvalidRequest, match="Nothing was used"):
        await issue(books.database, BUYER, MARCH)
    with pytest.raises(InvalidRequest, match="is not over"):
        await issue(books.database, BUYER, Month(2099, 1))


async def test_a_refund_is_taken_off_once(books: Books) -> None:
    big = await spend(books, chat(10_000, 0))  # 2 cents
    await spend(books, chat(2_500, 0))  # half a cent
    (number,) = [
        row["id"] for row in await books.rows(LedgerTransaction) if row["reference"] == big.request_id
    ]
    await books.ledger.reverse(number)
    march = await issue(books.database, BUYER, MARCH)
    assert (march.nano_usd, march.subtotal_cents, march.credit_cents, march.total_cents) == (
        25_000_000,
        3,
        2,
        1,
    )
    assert await credit_of(books) == 0
    books.clock.now = APRIL.start * 1_000_000
    await spend(books, chat(10_000, 0))
    assert (await issue(books.database, BUYER, APRIL)).total_cents == 2
    assert await first_fault(books.database) is None


async def test_a_credit_lasts_until_it_is_used_up(books: Books) -> None:
    await books.ledger.post("credit", OrgId("org_1"), "welcome", grant_entries("org_1", 35_000_000))
    await spend(books, chat(10_000, 0))
    march = await issue(books.database, BUYER, MARCH)
    assert (march.subtotal_cents, march.credit_cents, march.total_cents) == (2, 2, 0)
    assert await credit_of(books) == 15_000_000
    assert await credit_of(books, "org_2") == 0
    books.clock.now = APRIL.start * 1_000_000
    await spend(books, chat(50_000, 0))
    april = await issue(books.database, BUYER, APRIL)
    assert (april.subtotal_cents, april.credit_cents, april.total_cents) == (10, 2, 8)
    assert await credit_of(books) == 0


async def test_a_payment_is_no_credit(books: Books) -> None:
    await spend(books)
    paid = (("cash", 1_000_000), ("org:org_1:receivable", -1_000_000))
    await books.ledger.post("payment", OrgId("org_1"), "transfer 7", paid)
    assert await credit_of(books) == 0
    assert GRANTED not in {account for account, _ in paid}


async def tamper(books: Books, statement: str) -> None:
    """Change what triggers protect, as somebody with the file in hand could."""
    async with books.database.transaction() as session:
        if books.database.kind == "sqlite":
            await session.execute(text("DROP TRIGGER invoices_refuse_update"))
            await session.execute(text("DROP TRIGGER invoices_refuse_delete"))
        else:
            await session.execute(text("ALTER TABLE invoices DISABLE TRIGGER USER"))
        await session.execute(text(statement))


@pytest.mark.parametrize(
    "column",
    [
        "document = replace(document, 'Buyer', 'Bayer')",
        "sha256 = replace(sha256, substr(sha256, 1, 1), 'x')",
        "total_cents = total_cents + 1",
        "credit_nano_usd = credit_nano_usd + 1",
        "month_start = month_start + 1",
        "issued_at = issued_at + 1",
        "organization_id = 'org_2'",
    ],
)
async def test_one_changed_byte_is_found(books: Books, column: str) -> None:
    await spend(books)
    await issue(books.database, BUYER, MARCH)
    assert await first_fault(books.database) is None
    await tamper(books, f"UPDATE invoices SET {column}")
    assert await first_fault(books.database) == (
        "The invoice INV-000001 is not what was issued: it has been changed since."
    )
    with pytest.raises(InvoiceAltered):
        await all_issued(books.database)


async def test_a_missing_invoice_is_found(books: Books) -> None:
    await spend(books)
    await spend(books, chat(caller=OTHER))
    await issue(books.database, BUYER, MARCH)
    await issue(books.database, Party("org_2", "Other"), MARCH)
    await tamper(books, "DELETE FROM invoices WHERE id = 1")
    assert await first_fault(books.database) == (
        "invoice INV-000002: the one with number 1 is missing before it"
    )


async def test_the_clock_of_these_tests_is_in_march() -> None:
    assert MARCH.start <= START // 1_000_000 < MARCH.end
