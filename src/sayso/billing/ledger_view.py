"""The ledger to look at: its last transactions, and what the accounts stand at."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from sayso.billing.journal import Entries
from sayso.billing.tables import AccountBalance, LedgerEntry, LedgerTransaction
from sayso.db.session import Database
from sayso.ids import OrgId


@dataclass(frozen=True, slots=True)
class TransactionRecord:
    """A transaction with its entries; `posted_at` is in Unix microseconds, `hash` 64 hex digits."""

    id: int
    kind: str
    organization_id: str
    reference: str
    reverses: int | None
    posted_at: int
    hash: str
    entries: Entries


async def last_transactions(
    db: Database, limit: int, *, org_id: OrgId | None = None
) -> tuple[TransactionRecord, ...]:
    """Return at most `limit` transactions, the last first."""
    table = LedgerTransaction
    query = select(table).order_by(table.id.desc()).limit(limit)
    if org_id is not None:
        query = query.where(table.organization_id == org_id)
    async with db.read() as session:
        rows = list(await session.scalars(query))
        sides = select(LedgerEntry).where(LedgerEntry.transaction_id.in_([row.id for row in rows]))
        entries: dict[int, list[tuple[str, int]]] = {row.id: [] for row in rows}
        for side in await session.scalars(sides.order_by(LedgerEntry.transaction_id, LedgerEntry.position)):
            entries[side.transaction_id].append((side.account, side.amount))
    return tuple(
        TransactionRecord(
            *(row.id, row.kind, row.organization_id, row.reference, row.reverses, row.posted_at),
            hash=row.hash.hex(),
            entries=tuple(entries[row.id]),
        )
        for row in rows
    )


async def balances(db: Database) -> Mapping[str, int]:
    """Return the nano-dollars that each account stands at, positive for debit."""
    query = select(AccountBalance.account, AccountBalance.balance).order_by(AccountBalance.account)
    async with db.read() as session:
        rows = await session.execute(query)
        return {row.account: row.balance for row in rows}
