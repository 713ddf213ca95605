"""An invoice as data: the JSON that is stored and sent, and CSV for a spreadsheet."""

import csv
import hashlib
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from sayso.billing.invoices import (
    CURRENCY,
    Invoice,
    InvoiceLine,
    Month,
    Party,
    UnitPrice,
    format_cents,
)

_COLUMNS = (
    *("invoice", "month", "kind", "project_id", "project", "model", "meter", "price_version"),
    *("quantity", "billed_quantity", "unit_nano_usd", "unit_size", "nano_usd", "amount_usd", "usage_month"),
)


def as_document(invoice: Invoice) -> dict[str, Any]:
    """Return the invoice as JSON; amounts are decimals in dollars as text, `nano_usd` exact whole numbers."""
    issued = None
    if invoice.issued_at is not None:
        issued = datetime.fromtimestamp(invoice.issued_at // 1_000_000, UTC).isoformat()
    return {
        "object": "invoice",
        "number": invoice.number,
        "state": invoice.state,
        "issued_at": issued,
        "issued_at_microseconds": invoice.issued_at,
        "month": str(invoice.month),
        "period": {"start": invoice.month.start, "end": invoice.month.end},
        "currency": CURRENCY,
        "seller": invoice.seller,
        "buyer": {"id": invoice.buyer.id, "name": invoice.buyer.name},
        "lines": [_line(invoice, line) for line in invoice.lines],
        "rounding": format_cents(invoice.rounding_cents),
        "subtotal": format_cents(invoice.subtotal_cents),
        "subtotal_nano_usd": invoice.nano_usd,
        "credit": format_cents(invoice.credit_cents),
        "credit_cents": invoice.credit_cents,
        "credit_nano_usd": invoice.credit_nano_usd,
        "total": format_cents(invoice.total_cents),
        "note": invoice.note,
        "ledger_end": invoice.ledger_end,
    }


def canonical(document: dict[str, Any]) -> str:
    """Return the one text of a document: the digest is taken over it."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(text: str) -> str:
    """Return the SHA-256 of a document's text, 64 hex digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def from_document(document: dict[str, Any]) -> Invoice:
    """Return the invoice that `as_document` described."""
    lines = document["lines"]
    projects = {line["project"]["id"]: line["project"]["name"] for line in lines}
    return Invoice(
        month=Month.parse(document["month"]),
        buyer=Party(document["buyer"]["id"], document["buyer"]["name"], tuple(sorted(projects.items()))),
        seller=document["seller"],
        note=document["note"],
        lines=tuple(_read_line(line, document["month"]) for line in lines),
        credit_nano_usd=document["credit_nano_usd"],
        credit_cents=document["credit_cents"],
        number=document["number"],
        issued_at=document["issued_at_microseconds"],
        ledger_end=document.get("ledger_end"),  # invoices of the first release do not have it
    )


def as_json(invoice: Invoice) -> str:
    """Return the document as JSON that people can read."""
    return json.dumps(as_document(invoice), indent=2, ensure_ascii=False) + "\n"


def as_csv(invoice: Invoice) -> str:
    """Return a row for each line, then rounding, credit and total; their amounts add up to the total."""
    out = io.StringIO()
    writer = csv.DictWriter(out, _COLUMNS, restval="")
    writer.writeheader()
    for row in _rows(invoice):
        writer.writerow({"invoice": invoice.number or "draft", "month": str(invoice.month), **row})
    return out.getvalue()


def _line(invoice: Invoice, line: InvoiceLine) -> dict[str, Any]:
    price = line.unit_price
    return {
        "project": {"id": line.project_id, "name": invoice.buyer.project_name(line.project_id)},
        "usage_month": str(line.usage_month or invoice.month),
        "model": line.model,
        "meter": line.meter,
        "price_version": line.price_version,
        "unit_price": {"nano_usd": price.nano_usd, "unit_size": price.unit_size} if price else None,
        "quantity": line.quantity,
        "billed_quantity": line.billed_quantity,
        "nano_usd": line.nano_usd,
        "amount": format_cents(line.cents),
    }


def _read_line(line: dict[str, Any], month: str) -> InvoiceLine:
    price = line["unit_price"]
    used = line.get("usage_month", month)
    return InvoiceLine(
        project_id=line["project"]["id"],
        model=line["model"],
        meter=line["meter"],
        price_version=line["price_version"],
        unit_price=UnitPrice(price["nano_usd"], price["unit_size"]) if price else None,
        quantity=line["quantity"],
        nano_usd=line["nano_usd"],
        usage_month=None if used == month else Month.parse(used),
    )


def _rows(invoice: Invoice) -> Iterator[dict[str, str | int]]:
    for line in invoice.lines:
        price = line.unit_price
        yield {
            "kind": "usage",
            "project_id": line.project_id,
            "project": _plain(invoice.buyer.project_name(line.project_id)),
            "model": _plain(line.model),
            "meter": line.meter,
            "price_version": _plain(line.price_version),
            "quantity": line.quantity,
            "billed_quantity": line.billed_quantity,
            "unit_nano_usd": price.nano_usd if price else "",
            "unit_size": price.unit_size if price else "",
            "nano_usd": line.nano_usd,
            "amount_usd": format_cents(line.cents),
            "usage_month": str(line.usage_month or invoice.month),
        }
    if invoice.rounding_cents:
        yield {"kind": "rounding", "amount_usd": format_cents(invoice.rounding_cents)}
    if invoice.credit_cents:
        yield {"kind": "credit", "amount_usd": format_cents(-invoice.credit_cents)}
    yield {"kind": "total", "nano_usd": invoice.nano_usd, "amount_usd": format_cents(invoice.total_cents)}


def _plain(name: str) -> str:
    """Keep a spreadsheet from taking a name for a formula."""
    return f"'{name}" if name[:1] in {"=", "+", "-", "@", "\t", "\r"} else name
