"""New content in the place of old, as when a stored completion gets other metadata."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from sqlalchemy import delete, insert, update

from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound, RequestError
from sayso.ids import OrgId, ProjectId
from sayso.retention.clock import day_of, wall_clock
from sayso.retention.content import Retained
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.reading import RetentionReader
from sayso.retention.sealing import Part, seal
from sayso.retention.tables import RetainedChunk, RetainedRecord


async def replace_parts(
    db: Database,
    keys: KeyStore,
    organization_id: OrgId,
    project_id: ProjectId,
    record_id: str,
    parts: Mapping[Part, bytes],
    *,
    clock: Callable[[], int] = wall_clock,
) -> Retained:
    """Replace some parts of a record; durable on return, and what it said before is gone with its key.

    The record is encrypted anew under another key and expires when it would have. Raises `ObjectNotFound`,
    `InvalidRequest` for what a legal hold covers, and `StorageUnavailable`.
    """
    reader = RetentionReader(db, keys, clock=clock)
    old, sealed = await reader.get_sealed(organization_id, project_id, record_id)
    if old.held:
        raise InvalidRequest("A legal hold covers this content: it can not be changed.", code="legal_hold")
    new = replace(old, parts={**old.parts, **parts})
    (issued,) = await asyncio.to_thread(lambda: keys.issue(organization_id, day_of(clock()), 1, durable=True))
    chunks = await asyncio.to_thread(lambda: seal(issued.key, sealed.binding, new.parts))
    try:
        async with db.transaction() as session:
            row = await session.get(RetainedRecord, record_id)
            if row is None or row.erased_at is not None or sealed.location != _location(row):
                raise ObjectNotFound(f"There is no content '{record_id}'.")
            await session.execute(delete(RetainedChunk).where(RetainedChunk.record_id == record_id))
            rows = [
                {"record_id": record_id, "position": c.position, "part": c.part, "ciphertext": c.ciphertext}
                for c in chunks
            ]
            await session.execute(insert(RetainedChunk), rows)
            size = sum(map(len, new.parts.values()))
            changed = update(RetainedRecord).where(RetainedRecord.id == record_id)
            await session.execute(
                changed.values(key_file=issued.location.file, key_slot=issued.location.slot, size=size)
            )
    except RequestError:
        await asyncio.to_thread(keys.destroy, [issued.location])
        raise
    await asyncio.to_thread(keys.destroy, [sealed.location])
    return new


def _location(row: RetainedRecord) -> KeyLocation:
    return KeyLocation(row.key_file, row.key_slot)
