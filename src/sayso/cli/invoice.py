"""`sayso invoice`: the bill of an organization for a month."""

from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from sayso.billing.invoice_document import as_csv, as_json
from sayso.billing.invoice_html import as_html
from sayso.billing.invoice_store import draft, issued
from sayso.billing.invoices import Invoice, Month, format_cents
from sayso.billing.price_text import METER_NAMES, price_text, quantity_text
from sayso.cli.console import err, fail, id_table, out, plain
from sayso.cli.database import OrgOption, with_database
from sayso.cli.options import ConfigOption, DataDirOption, JsonOption
from sayso.config import Settings
from sayso.db.session import Database
from sayso.ids import OrgId
from sayso.jobs.directory import party
from sayso.jobs.invoicing import issue_invoice
from sayso.tenancy.service import DEFAULT, default_project


class InvoiceFormat(StrEnum):
    """How an invoice is written."""

    json = "json"
    csv = "csv"
    html = "html"


_WRITERS: dict[InvoiceFormat, Callable[[Invoice], str]] = {
    InvoiceFormat.json: as_json,
    InvoiceFormat.csv: as_csv,
    InvoiceFormat.html: as_html,
}


def invoice_command(
    month: Annotated[
        str | None, typer.Option(metavar="YYYY-MM", help="UTC month; default the running one.")
    ] = None,
    org: OrgOption = DEFAULT,
    form: Annotated[
        InvoiceFormat | None, typer.Option("--format", help="Write it as data or as a page, not as a table.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Write to this file.")] = None,
    only_draft: Annotated[
        bool, typer.Option("--draft", help="Do not issue it, even though the month is over.")
    ] = False,
    as_json_too: JsonOption = False,
    data_dir: DataDirOption = None,
    config: ConfigOption = None,
) -> None:
    """Show the invoice of a month: a draft while it runs, numbered and final once it is over."""

    async def read(db: Database, settings: Settings) -> Invoice:
        running = Month.of(datetime.now(UTC))
        wanted = Month.parse(month) if month else running
        buyer = await party(db, org)
        texts = {"seller": settings.invoice_seller, "note": settings.invoice_note}
        if wanted < running and not only_draft:
            operator = (await default_project(db)).operator
            return await issue_invoice(db, operator, buyer, wanted, **texts)
        found = await issued(db, OrgId(buyer.id), wanted)
        return found or await draft(db, buyer, wanted, **texts)

    invoice = with_database(read, config, data_dir)
    chosen = form or (InvoiceFormat.json if as_json_too else _by_name(output))
    if output is None and chosen is None:
        _print(invoice)
        return
    text = _WRITERS[chosen or InvoiceFormat.html](invoice)
    if output is None:
        out.file.write(text)
        return
    try:
        output.write_text(text, "utf-8", newline="")
    except OSError as error:
        fail(f"can not write '{output}': {error.strerror}")
    err.print(f"{_title(invoice)} is in {output}.", markup=False)


def _by_name(output: Path | None) -> InvoiceFormat | None:
    ending = output.suffix.lower().removeprefix(".") if output else ""
    return InvoiceFormat(ending) if ending in set(InvoiceFormat) else None


def _title(invoice: Invoice) -> str:
    kind = f"Invoice {invoice.number}" if invoice.number else "Draft of an invoice"
    return f"{kind} for {invoice.buyer.name}, {invoice.month}"


def _print(invoice: Invoice) -> None:
    out.print(f"{_title(invoice)}\n", markup=False, style="bold")
    table = id_table("project", "model", "what", "quantity", "price")
    table.add_column("amount", justify="right", no_wrap=True)
    for line in invoice.lines:
        price = line.unit_price
        table.add_row(
            plain(invoice.buyer.project_name(line.project_id)),
            plain(line.model),
            METER_NAMES[line.meter] + (f", of {line.usage_month}" if line.usage_month else ""),
            quantity_text(line.meter, line.billed_quantity),
            price_text(line.meter, price.nano_usd, price.unit_size) if price else "",
            f"${format_cents(line.cents)}",
        )
    for name, cents in (("rounding", invoice.rounding_cents), ("credit", -invoice.credit_cents)):
        if cents:
            table.add_row(name, *[""] * 4, f"{'-' if cents < 0 else '+'}${format_cents(abs(cents))}")
    table.add_row("[bold]total[/bold]", *[""] * 4, f"[bold]${format_cents(invoice.total_cents)}[/bold]")
    out.print(table)
