"""Everything that is kept about an organization, decrypted, one record after the other."""

from collections.abc import AsyncIterator, Callable

from sqlalchemy import select

from sayso.db.session import Database
from sayso.ids import OrgId, ProjectId
from sayso.retention.clock import wall_clock
from sayso.retention.content import Retained
from sayso.retention.key_store import KeyStore
from sayso.retention.outstanding import Outstanding
from sayso.retention.reading import RetentionReader, read_sealed
from sayso.retention.tables import RetainedRecord

BYTES = 8 * 1024 * 1024  # of content that is read at once; a longer record comes alone
RECORDS = 50


async def export(
    db: Database,
    keys: KeyStore,
    organization_id: OrgId,
    *,
    project_id: ProjectId | None = None,
    owner_id: str | None = None,
    end_user: str | None = None,
    clock: Callable[[], int] = wall_clock,
) -> AsyncIterator[Retained]:
    """Yield what is kept about an organization, narrowed to a project, an owner or an end user's tag.

    That is also what nobody is shown any more and a legal hold keeps (`held`). Raises `StorageUnavailable`
    and `ContentAltered`.
    """
    reader, after = RetentionReader(db, keys, clock=clock), ""
    query = select(RetainedRecord).where(
        RetainedRecord.organization_id == organization_id, RetainedRecord.complete == 1
    )
    if project_id is not None:
        query = query.where(RetainedRecord.project_id == project_id)
    if owner_id is not None:
        query = query.where(RetainedRecord.owner_id == owner_id)
    if end_user is not None:
        query = query.where(RetainedRecord.end_user == end_user)
    while True:
        async with db.read() as session:
            page = query.where(RetainedRecord.id > after).order_by(RetainedRecord.id).limit(RECORDS)
            rows = _some(list(await session.scalars(page)))
            outstanding = await Outstanding.load(session, organization_id)
            sealed = await read_sealed(session, rows, outstanding)
        if not rows:
            return
        after, now = rows[-1].id, clock()
        seen = [one for one in sealed if one.held or (one.expires_at > now and not one.erased)]
        for one in await reader.open(seen):
            yield one


def _some(rows: list[RetainedRecord]) -> list[RetainedRecord]:
    """Return as many of the first rows as may be read at once."""
    total = 0
    for n, row in enumerate(rows):
        total += row.size
        if n and total > BYTES:
            return rows[:n]
    return rows
