"""What an organization has in its favour: credits that were granted and charges that were taken back."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.invoice_tables import InvoiceRow
from sayso.billing.journal import NO_CHARGE, Entries, receivable
from sayso.billing.tables import LedgerEntry, LedgerTransaction
from sayso.ids import OrgId

GRANTED = "credits:granted"  # the account that pays for credits


def credit_account(organization_id: str) -> str:
    """Return the account of an organization's credits."""
    return f"org:{organization_id}:credit"


def grant_entries(organization_id: str, nano_usd: int) -> Entries:
    """Return the entries that give an organization a credit, for `Ledger.post`."""
    return ((GRANTED, nano_usd), (credit_account(organization_id), -nano_usd))


async def available(session: AsyncSession, org_id: OrgId) -> int:
    """Return the nano-dollars that no invoice has taken yet."""
    entries = (
        select(LedgerEntry.account, LedgerTransaction.kind, func.sum(LedgerEntry.amount))
        .join(LedgerTransaction, LedgerTransaction.id == LedgerEntry.transaction_id)
        .where(LedgerTransaction.organization_id == org_id, NO_CHARGE)
        .where(LedgerEntry.account.in_([receivable(org_id), credit_account(org_id)]))
        .group_by(LedgerEntry.account, LedgerTransaction.kind)
    )
    given = 0
    for account, kind, amount in (await session.execute(entries)).all():
        # What else touches the receivable, such as a payment, is no credit.
        if account == credit_account(org_id) or kind == "reversal":
            given -= int(amount)
    taken = select(func.sum(InvoiceRow.credit_nano_usd)).where(InvoiceRow.organization_id == org_id)
    return given - int(await session.scalar(taken) or 0)
