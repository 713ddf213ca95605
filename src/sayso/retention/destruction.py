"""How records are destroyed: first their keys, then their rows, with receipts in the rows' transaction.

Killed at any point, a record is either whole or without its key; what is left of its rows goes when it is
destroyed again.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.receipts import Cause, DestroyedRecord, Receipt, append_receipt
from sayso.retention.sharing import sharing
from sayso.retention.tables import RetainedChunk, RetainedRecord

RECORDS = 100  # in one transaction
BYTES = 1024 * 1024  # of content in one transaction
CHUNKS = 4  # of a record that is longer than that


@dataclass(frozen=True, slots=True)
class Doomed:
    """A record that has to go."""

    id: str
    organization_id: str
    project_id: str
    class_id: str
    key: KeyLocation
    size: int


async def find_doomed(
    session: AsyncSession, condition: ColumnElement[bool], limit: int, *, ordered: bool = False
) -> list[Doomed]:
    """Return up to `limit` records that meet a condition; `ordered` by id, or as they are found."""
    query = _COLUMNS.where(condition).limit(limit)
    if ordered:
        query = query.order_by(RetainedRecord.id)
    return [
        Doomed(row.id, row.organization_id, row.project_id, row.class_id, _location(row), row.size)
        for row in await session.execute(query)
    ]


async def destroy(
    db: Database, keys: KeyStore, doomed: Sequence[Doomed], cause: Cause, clock: Callable[[], int]
) -> list[Receipt]:
    """Destroy records; return a receipt for each organization, project and class of each transaction."""
    await asyncio.to_thread(keys.destroy, [one.key for one in doomed])
    receipts: list[Receipt] = []
    for batch in _batches(doomed):
        for one in batch:
            if one.size > BYTES:
                await _delete_most_chunks(db, one.id)
        async with sharing(db) as session:
            receipts += await _delete_rows(session, batch, cause, clock())
    return receipts


async def _delete_rows(
    session: AsyncSession, batch: Sequence[Doomed], cause: Cause, now: int
) -> list[Receipt]:
    """Delete what is still there; another gateway may have been faster."""
    ids = [one.id for one in batch]
    there = {row.id: _location(row) for row in await session.execute(_KEYS.where(RetainedRecord.id.in_(ids)))}
    gone = [one for one in batch if there.get(one.id) == one.key]
    if not gone:
        return []
    ids = [one.id for one in gone]
    await session.execute(delete(RetainedChunk).where(RetainedChunk.record_id.in_(ids)))
    await session.execute(delete(RetainedRecord).where(RetainedRecord.id.in_(ids)))
    groups: dict[tuple[str, str, str], list[DestroyedRecord]] = {}
    for one in gone:
        group = groups.setdefault((one.organization_id, one.project_id, one.class_id), [])
        group.append(DestroyedRecord(one.id, one.key, one.size))
    return [
        await append_receipt(
            session,
            organization_id=organization_id,
            project_id=project_id,
            class_id=class_id,
            cause=cause,
            records=records,
            now=now,
        )
        for (organization_id, project_id, class_id), records in groups.items()
    ]


async def _delete_most_chunks(db: Database, record_id: str) -> None:
    """Delete a long record's chunks in several transactions: overwriting them takes a while."""
    while True:
        some = select(RetainedChunk.position).where(RetainedChunk.record_id == record_id)
        async with sharing(db) as session:
            last = some.order_by(RetainedChunk.position.desc()).limit(CHUNKS)
            positions = list(await session.scalars(last))
            chunks = delete(RetainedChunk).where(RetainedChunk.record_id == record_id)
            await session.execute(chunks.where(RetainedChunk.position.in_(positions)))
        if len(positions) < CHUNKS:
            return


def _batches(doomed: Sequence[Doomed]) -> list[list[Doomed]]:
    batches: list[list[Doomed]] = []
    size = BYTES
    for one in doomed:
        if size + one.size > BYTES or len(batches[-1]) >= RECORDS:
            batches.append([])
            size = 0
        batches[-1].append(one)
        size += one.size
    return batches


_COLUMNS = select(
    RetainedRecord.id,
    RetainedRecord.organization_id,
    RetainedRecord.project_id,
    RetainedRecord.class_id,
    RetainedRecord.key_file,
    RetainedRecord.key_slot,
    RetainedRecord.size,
)
_KEYS = select(RetainedRecord.id, RetainedRecord.key_file, RetainedRecord.key_slot)


def _location(row: object) -> KeyLocation:
    return KeyLocation(row.key_file, row.key_slot)  # type: ignore[attr-defined]
