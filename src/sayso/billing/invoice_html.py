"""An invoice as a page to read, print on A4 and file; it loads nothing from anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from sayso.billing.invoices import Invoice, InvoiceLine, Month, format_cents
from sayso.billing.price_text import METER_NAMES, price_text, quantity_text
from sayso.core.templates import Templates

_TEMPLATES = Templates(__package__)
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class _Row:
    model: str
    what: str
    quantity: str
    price: str
    amount: str


@dataclass(frozen=True, slots=True)
class _Project:
    name: str
    rows: tuple[_Row, ...]


def as_html(invoice: Invoice) -> str:
    """Return the page, complete in itself; names are escaped."""
    month = invoice.month
    issued = invoice.issued_at
    return _TEMPLATES.render(
        "invoice.html.j2",
        number=invoice.number,
        issued=_date(issued // 1_000_000) if issued is not None else None,
        month=month_name(month),
        first_day=_date(month.start),
        last_day=_date(month.end - 1),
        seller=invoice.seller.strip().splitlines(),
        buyer=invoice.buyer,
        projects=tuple(_projects(invoice)),
        rounding=_signed(invoice.rounding_cents) if invoice.rounding_cents else None,
        subtotal=_dollars(invoice.subtotal_cents),
        credit=_signed(-invoice.credit_cents) if invoice.credit_cents else None,
        total=_dollars(invoice.total_cents),
        note=invoice.note.strip().splitlines(),
    )


def _projects(invoice: Invoice) -> Iterator[_Project]:
    for project_id in dict.fromkeys(line.project_id for line in invoice.lines):
        rows = tuple(_row(line) for line in invoice.lines if line.project_id == project_id)
        yield _Project(invoice.buyer.project_name(project_id), rows)


def _row(line: InvoiceLine) -> _Row:
    price = line.unit_price
    return _Row(
        model=line.model,
        what=METER_NAMES[line.meter] + _late(line),
        quantity=quantity_text(line.meter, line.billed_quantity),
        price=price_text(line.meter, price.nano_usd, price.unit_size) if price else "",
        amount=_dollars(line.cents),
    )


def month_name(month: Month) -> str:
    """Return a month as people write it, such as `March 2023`."""
    return f"{_MONTHS[month.number - 1]} {month.year}"


def _late(line: InvoiceLine) -> str:
    return f", usage of {month_name(line.usage_month)}, settled later" if line.usage_month else ""


def _date(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d")


def _dollars(cents: int) -> str:
    whole, _, rest = format_cents(abs(cents)).partition(".")
    return f"{'−' if cents < 0 else ''}${int(whole):,}.{rest}"


def _signed(cents: int) -> str:
    return _dollars(cents) if cents < 0 else f"+{_dollars(cents)}"
