"""Legal holds: visible objects that keep content from being destroyed, and never make anything be kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId, ProjectId, new_id
from sayso.retention.policy import Scope
from sayso.retention.tables import REASON_LENGTH, LegalHoldRow, RetainedRecord


@dataclass(frozen=True, slots=True)
class LegalHold:
    """A hold on the content of an organization or a project; moments are in Unix microseconds.

    What it covers is not destroyed while it lasts, whether it is there already or comes later. It changes
    nothing about what is written, and what has expired stays hidden.
    """

    id: str
    organization_id: OrgId
    scope_kind: Scope
    scope_id: str
    reason: str
    created_by: str
    created_at: int
    released_by: str | None
    released_at: int | None

    def covers(self, organization_id: str, project_id: str) -> bool:
        """Return whether content of a project is held."""
        return self.released_at is None and self.scope_id in (organization_id, project_id)


async def place_hold(
    session: AsyncSession,
    *,
    organization_id: OrgId,
    project_id: ProjectId | None,
    reason: str,
    actor: str,
    now: int,
) -> LegalHold:
    """Hold a project's content, or the organization's where None, in the open transaction.

    Raises `InvalidRequest` without a reason.
    """
    if not reason.strip() or len(reason) > REASON_LENGTH:
        raise InvalidRequest(f"A reason has 1 to {REASON_LENGTH} characters.", param="reason")
    row = LegalHoldRow(
        id=new_id("hold"),
        organization_id=organization_id,
        scope_kind="project" if project_id else "organization",
        scope_id=project_id or organization_id,
        reason=reason,
        created_by=actor,
        created_at=now,
        released_by=None,
        released_at=None,
    )
    session.add(row)
    await session.flush()
    return _hold(row)


async def release_hold(
    session: AsyncSession, organization_id: OrgId, hold_id: str, *, actor: str, now: int
) -> LegalHold:
    """End a hold; the sweep then destroys what is due. A second time changes nothing.

    Raises `ObjectNotFound`.
    """
    row = await session.get(LegalHoldRow, hold_id)
    if row is None or row.organization_id != organization_id:
        raise ObjectNotFound(f"There is no legal hold '{hold_id}'.")
    if row.released_at is None:
        row.released_at, row.released_by = now, actor
        await session.flush()
    return _hold(row)


async def list_holds(session: AsyncSession, organization_id: OrgId) -> list[LegalHold]:
    """Return an organization's holds, released ones too, the oldest first."""
    query = select(LegalHoldRow).where(LegalHoldRow.organization_id == organization_id)
    rows = await session.scalars(query.order_by(LegalHoldRow.created_at, LegalHoldRow.id))
    return [_hold(row) for row in rows]


async def active_holds(session: AsyncSession, organization_id: OrgId | None = None) -> list[LegalHold]:
    """Return the holds that last, of one organization or of all."""
    query = select(LegalHoldRow).where(LegalHoldRow.released_at.is_(None))
    if organization_id is not None:
        query = query.where(LegalHoldRow.organization_id == organization_id)
    return [_hold(row) for row in await session.scalars(query)]


def is_held(holds: Iterable[LegalHold], organization_id: str, project_id: str) -> bool:
    """Return whether one of `holds` covers a project."""
    return any(hold.covers(organization_id, project_id) for hold in holds)


def not_held(holds: Sequence[LegalHold]) -> ColumnElement[bool]:
    """Return the condition on records that none of the lasting `holds` covers them."""
    organizations = [hold.scope_id for hold in holds if hold.scope_kind == "organization"]
    projects = [hold.scope_id for hold in holds if hold.scope_kind == "project"]
    condition: ColumnElement[bool] = true()
    if organizations:
        condition = condition & RetainedRecord.organization_id.not_in(organizations)
    if projects:
        condition = condition & RetainedRecord.project_id.not_in(projects)
    return condition


def _hold(row: LegalHoldRow) -> LegalHold:
    return LegalHold(
        row.id,
        OrgId(row.organization_id),
        cast("Scope", row.scope_kind),
        row.scope_id,
        row.reason,
        row.created_by,
        row.created_at,
        row.released_by,
        row.released_at,
    )
