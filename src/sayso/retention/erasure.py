"""Erasure of content on request: of a record, a user, a project or an organization."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from sqlalchemy import ColumnElement, CursorResult, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.ids import OrgId, new_id
from sayso.retention.tables import ErasureRow, RetainedRecord

ErasureScope: TypeAlias = Literal["record", "user", "project", "organization"]


@dataclass(frozen=True, slots=True)
class Erasure:
    """A request to erase. `records` is how many were there then; what was under way is erased as well.

    `scope_id` is a record's, a user's or service account's, a project's or the organization's id;
    `requested_at` in Unix microseconds.
    """

    id: str
    organization_id: OrgId
    scope_kind: ErasureScope
    scope_id: str
    requested_at: int
    actor: str
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
    """
    mine = (RetainedRecord.organization_id == organization_id) & RetainedRecord.erased_at.is_(None)
    mine = mine & (RetainedRecord.created_at <= now)
    marked = update(RetainedRecord).where(mine, _subject(scope_kind, scope_id)).values(erased_at=now)
    found = cast("CursorResult[tuple[()]]", await session.execute(marked))
    erasure = Erasure(
        new_id("erasure"), organization_id, scope_kind, scope_id, now, actor, max(found.rowcount, 0)
    )
    session.add(
        ErasureRow(
            id=erasure.id,
            organization_id=organization_id,
            scope_kind=scope_kind,
            scope_id=scope_id,
            requested_at=now,
            actor=actor,
            records=erasure.records,
        )
    )
    await session.flush()
    return erasure


async def list_erasures(session: AsyncSession, organization_id: OrgId) -> list[Erasure]:
    """Return an organization's requests to erase, the oldest first."""
    query = select(ErasureRow).where(ErasureRow.organization_id == organization_id)
    rows = await session.scalars(query.order_by(ErasureRow.requested_at, ErasureRow.id))
    return [
        Erasure(
            row.id,
            OrgId(row.organization_id),
            cast("ErasureScope", row.scope_kind),
            row.scope_id,
            row.requested_at,
            row.actor,
            row.records,
        )
        for row in rows
    ]


def _subject(scope_kind: ErasureScope, scope_id: str) -> ColumnElement[bool]:
    match scope_kind:
        case "record":
            return RetainedRecord.id == scope_id
        case "user":
            return RetainedRecord.owner_id == scope_id
        case "project":
            return RetainedRecord.project_id == scope_id
        case "organization":
            return RetainedRecord.organization_id == scope_id
