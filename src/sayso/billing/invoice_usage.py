"""What an invoice is made of: the usage of its month, and earlier usage that came too late for its own.

A request is settled after its month was invoiced where its server was away meanwhile. What it cost is on the
organization's next invoice: whatever was used in invoiced months, less all that invoices have said of it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.instance_time import time_item
from sayso.billing.invoices import Invoice, InvoiceLine, Month, UnitPrice, less, merge
from sayso.billing.price_book import load_books
from sayso.billing.pricing import HOUR_SECONDS, INCLUDED, KIND_METERS, Kind, PriceBookVersion
from sayso.billing.tables import InstanceTimeRow, LedgerTransaction, UsageDay, UsageEventRow
from sayso.core.metering import METERS, Meter
from sayso.ids import OrgId

_MICRO = 1_000_000
_SPEECH_PREFIX = "audio"  # how the endpoints that hear begin


async def all_books(session: AsyncSession) -> dict[int, PriceBookVersion]:
    """Return every version of the prices by its number."""
    connection = await session.connection()
    return {book.id: book for book in (INCLUDED, *await connection.run_sync(load_books))}


async def lines_of_month(
    session: AsyncSession, org_id: OrgId, month: Month, books: Mapping[int, PriceBookVersion]
) -> tuple[InvoiceLine, ...]:
    """Return what was used in a month, as far as it is settled by now."""
    table = UsageDay
    keys = (table.project_id, table.model, table.snapshot, table.endpoint, table.price_book_id)
    sums = (
        *(table.prompt_tokens, table.completion_tokens, table.audio_milliseconds),
        *(table.prompt_charge, table.completion_charge, table.audio_charge),
    )
    query = (
        select(*keys, *map(func.sum, sums))
        .where(table.organization_id == org_id, table.day >= month.start, table.day < month.end)
        .group_by(*keys)
    )
    used = [line for row in await session.execute(query) for line in _lines_of(tuple(row), books)]
    return merge([*used, *await _instance_lines(session, org_id, month)])


async def late_lines(
    session: AsyncSession, org_id: OrgId, issued: Sequence[Invoice], books: Mapping[int, PriceBookVersion]
) -> list[InvoiceLine]:
    """Return what was used in the months of the organization's `issued` invoices and is on none of them."""
    found = []
    for month in sorted(invoice.month for invoice in issued):
        used = await lines_of_month(session, org_id, month, books)
        rest = less(used, told_of(issued, month))
        found += [replace(line, usage_month=month) for line in rest if line.quantity or line.nano_usd]
    return found


def told_of(issued: Iterable[Invoice], month: Month) -> list[InvoiceLine]:
    """Return what the invoices say of a month's usage, be it on its own invoice or on a later one."""
    return [
        replace(line, usage_month=None)
        for invoice in issued
        for line in invoice.lines
        if (line.usage_month or invoice.month) == month
    ]


async def is_late(
    session: AsyncSession, org_id: OrgId, month: Month, last: Invoice, rest: Sequence[InvoiceLine]
) -> bool:
    """Tell whether `rest`, which no invoice has of a month, was all settled after the `last` invoice."""
    table = UsageEventRow
    query = (
        select(table.project_id, table.model, func.sum(table.charge))
        .where(table.organization_id == org_id, table.transaction_id > await _seen(session, last))
        .where(table.admitted_at >= month.start * _MICRO, table.admitted_at < month.end * _MICRO)
        .group_by(table.project_id, table.model)
    )
    settled = {(project, model): int(charge) for project, model, charge in await session.execute(query)}
    settled |= await _late_time(session, org_id, month, await _seen(session, last))
    missing: dict[tuple[str, str], int] = {}
    for line in rest:
        key = (line.project_id, line.model)
        missing[key] = missing.get(key, 0) + line.nano_usd
    return _amounts(missing) == _amounts(settled) and all(line.quantity >= 0 for line in rest)


async def _instance_lines(session: AsyncSession, org_id: OrgId, month: Month) -> list[InvoiceLine]:
    """Return the time of dedicated instances that has been charged for a month."""
    table = InstanceTimeRow
    keys = (table.project_id, table.name, table.price_version, table.nano_usd_per_hour)
    sums = (func.sum(table.ended_at - table.started_at), func.sum(table.nano_usd))
    query = select(*keys, *sums).where(*_time_of(org_id, month)).group_by(*keys)
    return [
        InvoiceLine(
            project_id,
            time_item(name),
            "instance_seconds",
            version,
            UnitPrice(per_hour, HOUR_SECONDS),
            int(seconds),
            int(amount),
        )
        for project_id, name, version, per_hour, seconds, amount in await session.execute(query)
    ]


async def _late_time(
    session: AsyncSession, org_id: OrgId, month: Month, seen: int
) -> dict[tuple[str, str], int]:
    table = InstanceTimeRow
    keys = (table.project_id, table.name)
    query = select(*keys, func.sum(table.nano_usd)).where(*_time_of(org_id, month)).group_by(*keys)
    found = await session.execute(query.where(table.transaction_id > seen))
    return {(project, time_item(name)): int(amount) for project, name, amount in found}


def _time_of(org_id: OrgId, month: Month) -> tuple[ColumnElement[bool], ...]:
    table = InstanceTimeRow
    return (table.organization_id == org_id, table.started_at >= month.start, table.started_at < month.end)


def _amounts(sums: Mapping[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: amount for key, amount in sums.items() if amount}


async def _seen(session: AsyncSession, invoice: Invoice) -> int:
    """Return the last transaction that the invoice knew of; older invoices do not state it."""
    if invoice.ledger_end is not None:
        return invoice.ledger_end
    last = select(func.max(LedgerTransaction.id)).where(LedgerTransaction.posted_at <= invoice.issued_at)
    return await session.scalar(last) or 0


def _lines_of(row: tuple[Any, ...], books: Mapping[int, PriceBookVersion]) -> Iterator[InvoiceLine]:
    project_id, model, snapshot, endpoint, book_id = row[:5]
    kind: Kind = "speech" if endpoint.startswith(_SPEECH_PREFIX) else "chat"
    book = books[book_id]
    # PostgreSQL sums whole numbers into decimals.
    for meter, quantity, charge in zip(METERS, map(int, row[5:8]), map(int, row[8:]), strict=True):
        if quantity or charge:
            price = book.row(_kind_of(meter, kind), model, snapshot, meter)
            unit = UnitPrice(price.nano_usd, price.unit_size)
            yield InvoiceLine(project_id, model, meter, book.version, unit, quantity, charge)


def _kind_of(meter: Meter, kind: Kind) -> Kind:
    """Return the kind whose price a meter has: a hearing model that counts tokens pays chat's."""
    return (
        kind
        if meter in KIND_METERS[kind]
        else next(k for k, meters in KIND_METERS.items() if meter in meters)
    )
