"""What is kept now, in numbers: by project, class and kind, without a look at content."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import case, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.ids import OrgId, ProjectId
from sayso.retention.legal_holds import LegalHold, active_holds, is_held, not_held
from sayso.retention.tables import RetainedRecord, SweepRunRow


@dataclass(frozen=True, slots=True)
class KeptSum:
    """Records of one project, class and kind; moments are Unix microseconds.

    `hidden` of them have expired or are erased and wait for the sweep, or for the end of a legal hold
    (`held`). `bytes` are of content before its encryption.
    """

    organization_id: OrgId
    project_id: ProjectId
    class_id: str
    kind: str
    records: int
    stored: int
    hidden: int
    held: bool
    bytes: int
    oldest: int
    next_expiry: int


@dataclass(frozen=True, slots=True)
class LastSweep:
    """The last run of the sweep that was written down; moments are Unix microseconds."""

    number: int
    finished_at: int
    records: int
    bytes: int
    residue: str


async def kept_sums(
    session: AsyncSession,
    organization_id: OrgId,
    holds: Sequence[LegalHold],
    now: int,
    project_id: ProjectId | None = None,
) -> list[KeptSum]:
    """Return what is kept about an organization, or one of its projects; `holds` are those that last."""
    row = RetainedRecord
    gone = row.erased_at.is_not(None) | (row.expires_at <= now)
    query = select(
        row.project_id,
        row.class_id,
        row.kind,
        func.count(),
        func.sum(row.stored),
        func.sum(case((gone, 1), else_=0)),
        func.sum(row.size),
        func.min(row.created_at),
        func.min(row.expires_at),
    ).where(row.organization_id == organization_id)
    if project_id is not None:
        query = query.where(row.project_id == project_id)
    columns = (row.project_id, row.class_id, row.kind)
    found = await session.execute(query.group_by(*columns).order_by(*columns))
    return [
        KeptSum(
            organization_id,
            ProjectId(project),
            class_id,
            kind,
            records,
            int(stored),
            int(hidden),
            is_held(holds, organization_id, project),
            int(size),
            oldest,
            next_expiry,
        )
        for project, class_id, kind, records, stored, hidden, size, oldest, next_expiry in found
    ]


async def overdue(session: AsyncSession, now: int) -> int:
    """Return how many records had to be gone by a moment and are still there, legal holds aside."""
    row = RetainedRecord
    due = row.erased_at.is_not(None) & (row.erased_at <= now) | (row.expires_at <= now)
    count = select(func.count()).select_from(row).where(due, not_held(await active_holds(session)))
    return await session.scalar(count) or 0


async def last_sweep(session: AsyncSession) -> LastSweep | None:
    """Return the last run that was written down, None before the first."""
    row = await session.scalar(select(SweepRunRow).order_by(SweepRunRow.id.desc()).limit(1))
    return LastSweep(row.id, row.finished_at, row.records, row.bytes, row.residue) if row else None
