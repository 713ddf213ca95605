"""Invoices in the database: a draft is computed from what was used, an issued one is kept as it is."""

import json
import time
from dataclasses import replace

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.credits import available
from sayso.billing.invoice_document import as_document, canonical, digest, from_document
from sayso.billing.invoice_tables import InvoiceRow
from sayso.billing.invoice_usage import all_books, is_late, late_lines, lines_of_month, told_of
from sayso.billing.invoices import Invoice, Month, Party, compose, less
from sayso.billing.tables import HoldRow, LedgerTransaction
from sayso.db.session import Database
from sayso.errors import InvalidRequest, SaysoError
from sayso.ids import OrgId

_MICRO = 1_000_000


class InvoiceAltered(SaysoError):
    """What is stored is not what was issued."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The invoice {number} is not what was issued: it has been changed since.")


async def draft(db: Database, buyer: Party, month: Month, *, seller: str = "", note: str = "") -> Invoice:
    """Compute the invoice of `month` as it would be now. Raises `AmountOverflow`."""
    async with db.read() as session:
        return await _draft(session, buyer, month, seller, note)


async def issue(db: Database, buyer: Party, month: Month, *, seller: str = "", note: str = "") -> Invoice:
    """Return the issued invoice of `month`; give it a number and keep it where that has not been done.

    Raises `InvalidRequest` for a month that is not over, in which requests are still under way or in which
    nothing was used, `AmountOverflow`, and `InvoiceAltered`.
    """
    async with db.transaction() as session:
        return (await issue_in(session, buyer, month, seller=seller, note=note))[0]


async def issue_in(
    session: AsyncSession, buyer: Party, month: Month, *, seller: str, note: str
) -> tuple[Invoice, bool]:
    """Do what `issue` does in the caller's transaction; say also whether the invoice is new."""
    org_id = OrgId(buyer.id)
    if (found := await _find(session, org_id, month)) is not None:
        return found, False
    now = time.time_ns() // 1_000
    await _refuse_unfinished(session, org_id, month, now)
    drafted = await _draft(session, buyer, month, seller, note)
    if not drafted.lines:
        raise InvalidRequest(f"Nothing was used in {month}: there is no invoice to issue.", param="month")
    last = await session.scalar(select(func.max(InvoiceRow.id)))
    number = (last or 0) + 1
    end = await session.scalar(select(func.max(LedgerTransaction.id)))
    invoice = replace(drafted, number=f"INV-{number:06}", issued_at=now, ledger_end=end or 0)
    session.add(_row(number, invoice))
    return invoice, True


async def issued(db: Database, org_id: OrgId, month: Month) -> Invoice | None:
    """Return the issued invoice of `month`, None where there is none yet. Raises `InvoiceAltered`."""
    async with db.read() as session:
        return await _find(session, org_id, month)


async def all_issued(db: Database, org_id: OrgId | None = None) -> tuple[Invoice, ...]:
    """Return an organization's issued invoices, or everybody's, the last first. Raises `InvoiceAltered`."""
    async with db.read() as session:
        return tuple(reversed(await _issued(session, org_id)))


async def first_fault(db: Database) -> str | None:
    """Say what is wrong with the first issued invoice that is not right; None where all are.

    Numbers leave no gap, texts have their digests, and what invoices say of a month is what was used in it,
    but for what has been settled since the organization's last invoice.
    """
    async with db.read() as session:
        rows = list(await session.scalars(select(InvoiceRow).order_by(InvoiceRow.id)))
        by_organization: dict[OrgId, list[Invoice]] = {}
        for expected, row in enumerate(rows, 1):
            if row.id != expected or row.number != f"INV-{expected:06}":
                return f"invoice {row.number}: the one with number {expected} is missing before it"
            try:
                by_organization.setdefault(OrgId(row.organization_id), []).append(_invoice(row))
            except InvoiceAltered as altered:
                return altered.message
        books = await all_books(session)
        for org_id, invoices in by_organization.items():
            for invoice in invoices:
                used = await lines_of_month(session, org_id, invoice.month, books)
                rest = less(used, told_of(invoices, invoice.month))
                if rest and not await is_late(session, org_id, invoice.month, invoices[-1], rest):
                    return f"invoice {invoice.number}: its lines are not what was used in {invoice.month}"
    return None


async def _issued(session: AsyncSession, org_id: OrgId | None) -> list[Invoice]:
    query = select(InvoiceRow).order_by(InvoiceRow.id)
    if org_id is not None:
        query = query.where(InvoiceRow.organization_id == org_id)
    return list(map(_invoice, await session.scalars(query)))


async def _find(session: AsyncSession, org_id: OrgId, month: Month) -> Invoice | None:
    query = select(InvoiceRow).where(
        InvoiceRow.organization_id == org_id, InvoiceRow.month_start == month.start
    )
    row = await session.scalar(query)
    return _invoice(row) if row is not None else None


async def _refuse_unfinished(session: AsyncSession, org_id: OrgId, month: Month, now: int) -> None:
    if now < month.end * _MICRO:
        raise InvalidRequest(f"{month} is not over: there is a draft only.", param="month")
    open_holds = (
        select(func.count())
        .select_from(HoldRow)
        .where(HoldRow.organization_id == org_id, HoldRow.state == "open")
        .where(HoldRow.admitted_at < month.end * _MICRO)
    )
    if count := await session.scalar(open_holds):
        raise InvalidRequest(
            f"{count} requests of {month} are still under way: try again in a minute.", param="month"
        )


async def _draft(session: AsyncSession, buyer: Party, month: Month, seller: str, note: str) -> Invoice:
    org_id = OrgId(buyer.id)
    books = await all_books(session)
    late = await late_lines(session, org_id, await _issued(session, org_id), books)
    lines = [*await lines_of_month(session, org_id, month, books), *late]
    credit = await available(session, org_id)
    return compose(month, buyer, lines, credit_nano_usd=credit, seller=seller, note=note)


def _row(number: int, invoice: Invoice) -> InvoiceRow:
    text = canonical(as_document(invoice))
    return InvoiceRow(
        id=number,
        number=invoice.number,
        organization_id=invoice.buyer.id,
        month_start=invoice.month.start,
        issued_at=invoice.issued_at,
        total_cents=invoice.total_cents,
        credit_nano_usd=invoice.credit_nano_usd,
        document=text,
        sha256=digest(text),
    )


def _invoice(row: InvoiceRow) -> Invoice:
    if digest(row.document) != row.sha256:
        raise InvoiceAltered(row.number)
    invoice = from_document(json.loads(row.document))
    kept = (
        row.number,
        row.organization_id,
        row.month_start,
        row.issued_at,
        row.total_cents,
        row.credit_nano_usd,
    )
    said = (
        *(invoice.number, invoice.buyer.id, invoice.month.start),
        *(invoice.issued_at, invoice.total_cents, invoice.credit_nano_usd),
    )
    if kept != said:
        raise InvoiceAltered(row.number)
    return invoice
