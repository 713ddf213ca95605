"""Deletion receipts of every organization, and what checking all of them says."""

from dataclasses import dataclass

from sqlalchemy import select

from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId
from sayso.retention.key_store import KeyStore
from sayso.retention.receipts import Receipt, list_receipts, verify_chains, verify_receipt
from sayso.tenancy.tables import Organization

PAGE = 100


@dataclass(frozen=True, slots=True)
class ReceiptsCheck:
    """How many receipts there are and of how many records; `fault` is empty where all of them hold."""

    receipts: int
    records: int
    fault: str


async def all_receipts(
    db: Database, organization_id: OrgId | None = None, *, after: int = 0
) -> list[Receipt]:
    """Return the receipts of an organization, or of all, in the order of their numbers."""
    async with db.read() as session:
        ids = [organization_id] if organization_id else list(await session.scalars(select(Organization.id)))
        found: list[Receipt] = []
        for one in ids:
            last = after
            while page := await list_receipts(session, one, after=last, limit=PAGE):
                found += page
                last = page[-1].number
    return sorted(found, key=lambda receipt: receipt.number)


async def find_receipt(db: Database, organization_id: OrgId, number: int) -> Receipt:
    """Return one of an organization's receipts. Raises `ObjectNotFound`."""
    async with db.read() as session:
        found = await list_receipts(session, organization_id, after=number - 1, limit=1)
    if not found or found[0].number != number:
        raise ObjectNotFound("There is no such deletion receipt.", param="receipt_id")
    return found[0]


async def check_receipts(db: Database, keys: KeyStore) -> ReceiptsCheck:
    """Check the chains, then each receipt against the database and the key store; stop at the first fault."""
    receipts = await all_receipts(db)
    records = sum(len(one.records) for one in receipts)
    fault = (await verify_chains(db)).fault
    for receipt in receipts:
        if fault:
            break
        checked = await verify_receipt(db, keys, receipt)
        fault = f"receipt {receipt.number}: {checked.fault}" if checked.fault else ""
    return ReceiptsCheck(len(receipts), records, fault)
