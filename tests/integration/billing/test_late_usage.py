"""What is settled after its month was invoiced is on the organization's next invoice, once."""

import random
from dataclasses import replace

import pytest
from sqlalchemy import text

from sayso.billing.invoice_document import as_csv, as_document, from_document
from sayso.billing.invoice_html import as_html
from sayso.billing.invoice_store import all_issued, draft, first_fault, issue
from sayso.billing.invoices import Invoice, InvoiceLine, Month, Party
from sayso.billing.reservation import Hold
from sayso.billing.tables import LedgerTransaction, UsageEventRow
from sayso.billing.verify import verify
from sayso.core.metering import Outcome, Quantities
from sayso.errors import InvalidRequest
from sayso.ids import KeyId, OrgId, ProjectId
from tests.integration.billing.conftest import CALLER, Books, chat

JANUARY, FEBRUARY, MARCH, APRIL, MAY = (Month(2023, n) for n in range(1, 6))
MONTHS = (JANUARY, FEBRUARY, MARCH, APRIL, MAY)
BUYER = Party("org_1", "Buyer", (("proj_1", "First"),))
OTHER = replace(CALLER, org_id=OrgId("org_2"), project_id=ProjectId("proj_9"), key_id=KeyId("key_9"))
TOKEN = 2_000


async def abandoned(books: Books, prompt: int, *, model: str = "gpt-3.5-turbo") -> Hold:
    """A request whose server goes away: nobody keeps its hold, which becomes void."""
    hold = await books.ledger.reserve(chat(prompt, 0, model=model))
    books.ledger.abandon(hold)
    books.clock.advance(60)
    await books.ledger.keep()
    return hold


def told(invoice: Invoice) -> list[tuple[str | None, str, int, int]]:
    return [
        (str(line.usage_month) if line.usage_month else None, line.model, line.quantity, line.nano_usd)
        for line in invoice.lines
    ]


async def test_it_is_a_line_of_its_own_on_the_next_invoice_and_on_no_other(books: Books) -> None:
    for count in (3, 5):
        hold = await books.ledger.reserve(chat(count, 0))
        await books.ledger.settle(hold, Quantities(count), "completed")
    late, later = await abandoned(books, 1_000), await abandoned(books, 7, model="other")
    march = await issue(books.database, BUYER, MARCH)
    assert told(march) == [(None, "gpt-3.5-turbo", 8, 8 * TOKEN)]
    await books.ledger.settle(late, Quantities(1_000), "disconnected")
    assert await first_fault(books.database) is None
    assert (await draft(books.database, BUYER, APRIL)).nano_usd == 1_000 * TOKEN
    books.clock.now = APRIL.start * 1_000_000
    hold = await books.ledger.reserve(chat(2, 0))
    await books.ledger.settle(hold, Quantities(2), "completed")
    april = await issue(books.database, BUYER, APRIL)
    assert told(april) == [
        (None, "gpt-3.5-turbo", 2, 2 * TOKEN),
        ("2023-03", "gpt-3.5-turbo", 1_000, 1_000 * TOKEN),
    ]
    await books.ledger.settle(later, Quantities(7), "completed")
    assert told(await issue(books.database, BUYER, MAY)) == [("2023-03", "other", 7, 7 * TOKEN)]
    assert told(await issue(books.database, BUYER, MARCH)) == told(march)
    with pytest.raises(InvalidRequest, match="Nothing was used"):
        await issue(books.database, BUYER, FEBRUARY)
    assert await first_fault(books.database) is None


async def test_people_and_programs_can_read_when_it_was_used(books: Books) -> None:
    hold = await books.ledger.reserve(chat(1, 0))
    await books.ledger.settle(hold, Quantities(1), "completed")
    late = await abandoned(books, 10)
    await issue(books.database, BUYER, MARCH)
    await books.ledger.settle(late, Quantities(10), "completed")
    invoice = await issue(books.database, BUYER, APRIL)
    assert ", usage of March 2023, settled later" in as_html(invoice)
    assert as_csv(invoice).splitlines()[1].endswith(",2023-03")
    document = as_document(invoice)
    assert [line["usage_month"] for line in document["lines"]] == ["2023-03"]
    assert from_document(document) == invoice
    for line in document["lines"]:  # as the first release wrote it
        del line["usage_month"]
    del document["ledger_end"]
    assert from_document(document) == replace(
        invoice, lines=tuple(replace(one, usage_month=None) for one in invoice.lines), ledger_end=None
    )


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE usage_days SET prompt_charge = prompt_charge + 1",
        "UPDATE usage_days SET prompt_charge = prompt_charge - 1",
        "UPDATE usage_days SET prompt_tokens = 4",  # less than was told
    ],
)
async def test_what_is_not_late_is_still_found(books: Books, change: str) -> None:
    hold = await books.ledger.reserve(chat(5, 0))
    await books.ledger.settle(hold, Quantities(5), "completed")
    late = await abandoned(books, 10)
    await issue(books.database, BUYER, MARCH)
    await books.ledger.settle(late, Quantities(10), "completed")
    assert await first_fault(books.database) is None
    async with books.database.transaction() as session:
        await session.execute(text(change))
    assert (
        await first_fault(books.database) == "invoice INV-000001: its lines are not what was used in 2023-03"
    )


@pytest.mark.parametrize("seed", range(3))
async def test_all_invoices_together_are_the_ledger(books: Books, seed: int) -> None:
    """Whatever is settled whenever, and whichever month is invoiced when."""
    chance = random.Random(seed)
    books.clock.now = JANUARY.start * 1_000_000
    waiting: list[Hold] = []
    for _ in range(90):
        match chance.randrange(9):
            case 0 | 1 | 2:
                caller = chance.choice((CALLER, OTHER))
                waiting.append(await books.ledger.reserve(chat(50, 50, caller=caller)))
            case 3 | 4 if waiting:
                outcome: Outcome = chance.choice(("completed", "disconnected", "failed"))
                actual = Quantities(chance.randrange(60), chance.randrange(60))
                hold = waiting.pop(chance.randrange(len(waiting)))
                await books.ledger.settle(hold, actual, outcome)
            case 5 if waiting:
                books.ledger.abandon(waiting[-1])
                books.clock.advance(46)
                await books.ledger.keep()
            case 6 | 7:
                await try_to_issue(books, chance.choice(MONTHS), chance.choice(("org_1", "org_2")))
            case _:
                if len(waiting) < 6 and books.clock.now < APRIL.start * 1_000_000:
                    books.clock.advance(chance.choice((3_600, 86_000)))
        if chance.random() < 0.1:
            assert await first_fault(books.database) is None
        if chance.random() < 0.07 and books.clock.now < APRIL.start * 1_000_000:
            for hold in waiting[:3]:
                await books.ledger.settle(hold, Quantities(1, 1), "completed")
            del waiting[:3]
            books.clock.now = (
                next(m for m in MONTHS if m.start * 1_000_000 > books.clock.now).start * 1_000_000
            )
    for hold in waiting:
        await books.ledger.settle(hold, Quantities(3, 4), "completed")
    for month in (*MONTHS, Month(2023, 6)):
        for org in ("org_1", "org_2"):
            await try_to_issue(books, month, org)
    assert await first_fault(books.database) is None
    assert (await verify(books.database)).divergence is None
    events = await books.rows(UsageEventRow)
    posted = [row for row in await books.rows(LedgerTransaction) if row["kind"] == "charge"]
    assert len(posted) > 5
    for org in ("org_1", "org_2"):
        issued = await all_issued(books.database, OrgId(org))
        charges = sum(row["charge"] for row in events if row["organization_id"] == org)
        assert sum(invoice.nano_usd for invoice in issued) == charges
        rests: list[InvoiceLine] = [line for invoice in issued for line in invoice.lines]
        assert all(line.nano_usd > 0 for line in rests)


async def try_to_issue(books: Books, month: Month, org: str) -> None:
    try:
        await issue(books.database, Party(org, org), month)
    except InvalidRequest as refused:
        assert "Nothing was used" in refused.message or "under way" in refused.message  # noqa: PT017
