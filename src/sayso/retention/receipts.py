"""Deletion receipts: which records are gone, under which keys, in a chain that shows what was changed."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.ids import OrgId
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.tables import DeletionReceiptRow, RetainedChunk, RetainedRecord, SweepRunRow

FIRST_HASH = "0" * 64

Cause: TypeAlias = Literal["expired", "erased", "unreadable", "unfinished"]


@dataclass(frozen=True, slots=True)
class DestroyedRecord:
    """A record that is gone: its id, where its key was, its bytes of content."""

    id: str
    key: KeyLocation
    size: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """Records of one project, class and cause that were destroyed together.

    `expired`: their time was over; `erased`: somebody asked; `unreadable`: their keys were gone already, as
    after a restore; `unfinished`: they had never been written whole. Moments are Unix microseconds.
    """

    number: int
    organization_id: OrgId
    project_id: str
    class_id: str
    cause: Cause
    records: tuple[DestroyedRecord, ...]
    destroyed_at: int
    previous_hash: str
    hash: str

    @property
    def bytes(self) -> int:
        """Bytes of content that are gone."""
        return sum(record.size for record in self.records)

    def as_document(self) -> dict[str, Any]:
        """Return the receipt as JSON values, the form in which it is given away."""
        return {**_body(self), "previous_hash": self.previous_hash, "hash": self.hash}


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """What came of checking a receipt; `fault` is empty where all is as it says."""

    fault: str

    @property
    def ok(self) -> bool:
        """Whether the receipt holds."""
        return not self.fault


async def append_receipt(
    session: AsyncSession,
    *,
    organization_id: str,
    project_id: str,
    class_id: str,
    cause: Cause,
    records: Sequence[DestroyedRecord],
    now: int,
) -> Receipt:
    """Write the next receipt into the open transaction."""
    last = select(DeletionReceiptRow.id, DeletionReceiptRow.hash).order_by(DeletionReceiptRow.id.desc())
    found = (await session.execute(last.limit(1))).first()
    number, previous = (found[0] + 1, found[1]) if found else (1, FIRST_HASH)
    draft = Receipt(
        number, OrgId(organization_id), project_id, class_id, cause, tuple(records), now, previous, ""
    )
    text = canonical(_body(draft))
    receipt = from_document({**_body(draft), "previous_hash": previous, "hash": chained(previous, text)})
    session.add(
        DeletionReceiptRow(
            id=number,
            organization_id=organization_id,
            destroyed_at=now,
            records=len(records),
            bytes=receipt.bytes,
            document=text,
            previous_hash=previous,
            hash=receipt.hash,
        )
    )
    await session.flush()
    return receipt


async def list_receipts(
    session: AsyncSession, organization_id: OrgId, *, after: int = 0, limit: int = 100
) -> list[Receipt]:
    """Return an organization's receipts, the oldest first, behind the number `after`."""
    rows = select(DeletionReceiptRow).where(
        DeletionReceiptRow.organization_id == organization_id, DeletionReceiptRow.id > after
    )
    found = await session.scalars(rows.order_by(DeletionReceiptRow.id).limit(limit))
    return [_receipt(row) for row in found]


def from_document(document: dict[str, Any]) -> Receipt:
    """Return the receipt that `as_document` has written. Raises `KeyError`, `TypeError`, `ValueError`."""
    records = tuple(
        DestroyedRecord(one, KeyLocation(file, slot), size) for one, file, slot, size in document["records"]
    )
    return Receipt(
        document["number"],
        OrgId(document["organization_id"]),
        document["project_id"],
        document["class"],
        document["cause"],
        records,
        document["destroyed_at"],
        document["previous_hash"],
        document["hash"],
    )


async def verify_receipt(db: Database, keys: KeyStore, receipt: Receipt) -> ReceiptCheck:
    """Check a receipt against its own hash, the chain, the database and the key store."""
    if chained(receipt.previous_hash, canonical(_body(receipt))) != receipt.hash:
        return ReceiptCheck("its hash is not that of what it says")
    ids = [record.id for record in receipt.records]
    async with db.read() as session:
        row = await session.get(DeletionReceiptRow, receipt.number)
        if row is None or row.hash != receipt.hash:
            return ReceiptCheck("it is not in this database")
        kept = select(RetainedRecord.id, RetainedRecord.key_file, RetainedRecord.key_slot)
        found = {tuple(one) for one in await session.execute(kept.where(RetainedRecord.id.in_(ids)))}
        rewritten = {one[0] for one in found}
        chunks = select(func.count()).select_from(RetainedChunk).where(RetainedChunk.record_id.in_(ids))
        left = await session.scalar(chunks.where(RetainedChunk.record_id.not_in(rewritten)))
    if any((record.id, record.key.file, record.key.slot) in found for record in receipt.records) or left:
        return ReceiptCheck("a record that it names is still in the database")
    if any(keys.key(record.key) is not None for record in receipt.records):
        return ReceiptCheck("a key that it names is still in the key store")
    return ReceiptCheck("")


async def verify_chains(db: Database) -> ReceiptCheck:
    """Check every receipt and sweep from the first to the last: numbers without gaps, hashes, links."""
    async with db.read() as session:
        for table, name in ((DeletionReceiptRow, "receipt"), (SweepRunRow, "sweep")):
            previous, expected = FIRST_HASH, 1
            columns = select(table.id, table.document, table.previous_hash, table.hash).order_by(table.id)
            async for number, text, link, found in await session.stream(columns):
                if number != expected:
                    return ReceiptCheck(f"{name} {expected} is missing")
                if link != previous or found != chained(previous, text):
                    return ReceiptCheck(f"{name} {number} is not what was written")
                previous, expected = found, expected + 1
    return ReceiptCheck("")


def chained(previous: str, text: str) -> str:
    """Return the hash of `text` behind the one before, in hex."""
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


def canonical(document: dict[str, Any]) -> str:
    """Return JSON that is the same for the same values."""
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def _body(receipt: Receipt) -> dict[str, Any]:
    return {
        "object": "deletion.receipt",
        "number": receipt.number,
        "organization_id": receipt.organization_id,
        "project_id": receipt.project_id,
        "class": receipt.class_id,
        "cause": receipt.cause,
        "records": [[one.id, one.key.file, one.key.slot, one.size] for one in receipt.records],
        "bytes": receipt.bytes,
        "destroyed_at": receipt.destroyed_at,
    }


def _receipt(row: DeletionReceiptRow) -> Receipt:
    return from_document({**json.loads(row.document), "previous_hash": row.previous_hash, "hash": row.hash})
