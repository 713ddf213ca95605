"""Issue invoices, and write down who did."""

from sayso.billing.invoice_store import issue_in
from sayso.billing.invoices import Invoice, Month, Party, format_cents
from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.tenancy.audit import record


async def issue_invoice(
    db: Database, by: AdminCaller, buyer: Party, month: Month, *, seller: str, note: str
) -> Invoice:
    """Return the issued invoice of a month, issued now where it was not.

    Raises `InvalidRequest` for a month that is not over, in which requests are still under way or in which
    nothing was used, `AmountOverflow`, and `InvoiceAltered`.
    """
    async with db.transaction() as session:
        invoice, new = await issue_in(session, buyer, month, seller=seller, note=note)
        if new:
            assert invoice.number is not None, "it has just been issued"
            total = format_cents(invoice.total_cents)
            details = {"organization_id": buyer.id, "month": str(month), "total": total}
            await record(session, by, "invoice.issued", invoice.number, details)
    return invoice
