"""Erasure of content on request: of a record, a user, a project or an organization."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.ids import OrgId, new_id
from sayso.retention.content import Content
from sayso.retention.marking import mark
from sayso.retention.tables import ErasureRow, RetainedRecord

ErasureScope: TypeAlias = Literal["record", "end_user", "user", "project", "organization"]
Subjects: TypeAlias = Mapping[str, str]  # whose content it is, by scope


def subjects_of(content: Content | RetainedRecord) -> Subjects:
    """Return whose content it is; a single record is marked in its row and not here."""
    return {
        "organization": content.organization_id,
        "project": content.project_id,
        "user": content.owner_id,
        "end_user": content.end_user,
    }


@dataclass(frozen=True, slots=True)
class ErasureMark:
    """Whose content is to be erased: what was made up to `requested_at`, in Unix microseconds."""

    organization_id: str
    scope_kind: str
    scope_id: str
    requested_at: int

    def covers(self, subjects: Subjects, created_at: int) -> bool:
        """Return whether content goes."""
        return (
            subjects["organization"] == self.organization_id
            and subjects.get(self.scope_kind) == self.scope_id
            and created_at <= self.requested_at
        )


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase; what was under way then is erased as well.

    `scope_id` is a record's, a user's or service account's, a project's or the organization's id, or the tag
    of an end user.
    `applied_at` is when the sweep had marked all that there was, None until then, `records` how many it were.
    Moments are Unix microseconds.
    """

    id: str
    organization_id: OrgId
    scope_kind: ErasureScope
    scope_id: str
    requested_at: int
    actor: str
    applied_at: int | None
    records: int


async def request_erasure(
    session: AsyncSession,
    *,
    organization_id: OrgId,
    scope_kind: ErasureScope,
    scope_id: str,
    actor: str,
    now: int,
) -> Erasure:
    """Ask in the open transaction that content be erased: hidden from the commit on, destroyed by the sweep.

    Wake the sweeper after the commit. Under a legal hold it is hidden and stays until the hold is released.
    A record that is not there makes an erasure of no records.
    """
    alone = scope_kind == "record"
    row = ErasureRow(
        id=new_id("erasure"),
        organization_id=organization_id,
        scope_kind=scope_kind,
        scope_id=scope_id,
        requested_at=now,
        actor=actor,
        applied_at=now if alone else None,
        records=0,
    )
    if alone:
        mine = RetainedRecord.organization_id == organization_id
        this = mine & (RetainedRecord.id == scope_id) & RetainedRecord.erased_at.is_(None)
        marked = await session.execute(update(RetainedRecord).where(this).values(erased_at=now))
        row.records = cast("CursorResult[()]", marked).rowcount
    session.add(row)
    await session.flush()
    return _erasure(row)


async def list_erasures(session: AsyncSession, organization_id: OrgId) -> list[Erasure]:
    """Return an organization's requests to erase, the oldest first."""
    query = select(ErasureRow).where(ErasureRow.organization_id == organization_id)
    rows = await session.scalars(query.order_by(ErasureRow.requested_at, ErasureRow.id))
    return [_erasure(row) for row in rows]


async def waiting_erasures(session: AsyncSession, organization_id: OrgId) -> list[ErasureMark]:
    """Return an organization's requests that the sweep has not applied yet."""
    query = select(
        ErasureRow.organization_id, ErasureRow.scope_kind, ErasureRow.scope_id, ErasureRow.requested_at
    ).where(ErasureRow.applied_at.is_(None), ErasureRow.organization_id == organization_id)
    return [ErasureMark(*row) for row in await session.execute(query)]


async def apply_erasures(db: Database, clock: Callable[[], int]) -> int:
    """Mark the records of every request that waits, a few at a time; return how many."""
    async with db.read() as session:
        waiting = list(await session.scalars(select(ErasureRow).where(ErasureRow.applied_at.is_(None))))
    total = 0
    for erasure in waiting:
        marked = await _mark(db, erasure)
        async with db.transaction() as session:
            row = await session.get_one(ErasureRow, erasure.id)
            row.applied_at, row.records = clock(), row.records + marked
        total += marked
    return total


async def _mark(db: Database, erasure: ErasureRow) -> int:
    theirs = (
        (RetainedRecord.organization_id == erasure.organization_id)
        & _subject(erasure)
        & (RetainedRecord.created_at <= erasure.requested_at)
        & RetainedRecord.erased_at.is_(None)
    )
    return await mark(db, theirs, erased_at=erasure.requested_at)


def _subject(erasure: ErasureRow) -> ColumnElement[bool]:
    match erasure.scope_kind:
        case "user":
            return RetainedRecord.owner_id == erasure.scope_id
        case "end_user":
            return RetainedRecord.end_user == erasure.scope_id
        case "project":
            return RetainedRecord.project_id == erasure.scope_id
        case _:
            return RetainedRecord.organization_id == erasure.scope_id


def _erasure(row: ErasureRow) -> Erasure:
    return Erasure(
        row.id,
        OrgId(row.organization_id),
        cast("ErasureScope", row.scope_kind),
        row.scope_id,
        row.requested_at,
        row.actor,
        row.applied_at,
        row.records,
    )
