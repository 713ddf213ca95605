"""The audit log: every change that an administrator makes, written in the change's own transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from sqlalchemy import Select, delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.ids import AuditLogId, KeyId, OrgId, ProjectId, UserId, new_audit_log_id
from sayso.tenancy.audit_table import AuditLog
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.tables import Organization, Project, User

KEPT = timedelta(days=400)
AT_ONCE = 500  # events in one transaction


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One entry. `details` is what the event says beside the id of what it happened to."""

    id: AuditLogId
    type: str
    effective_at: datetime
    actor_key_id: KeyId | None
    actor_user_id: UserId
    actor_email: str
    resource_id: str
    details: Mapping[str, object]
    project_id: ProjectId | None
    project_name: str | None


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bounds on a moment, each in whole Unix seconds or None."""

    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which events; an empty sequence filters nothing."""

    effective_at: Bounds = Bounds()
    project_ids: Sequence[str] = ()
    event_types: Sequence[str] = ()
    actor_ids: Sequence[str] = ()
    actor_emails: Sequence[str] = ()
    resource_ids: Sequence[str] = ()


_Query: TypeAlias = "Select[AuditLog, str]"


async def record(
    session: AsyncSession,
    by: AdminCaller,
    type_: str,
    resource_id: str,
    details: Mapping[str, object] | None = None,
    project_id: ProjectId | None = None,
) -> None:
    """Write one event into the open transaction. `type_` is the API's name of it, `project.created` say."""
    user = await session.get_one(User, by.user_id)
    session.add(
        AuditLog(
            id=new_audit_log_id(),
            organization_id=by.org_id,
            project_id=project_id,
            type=type_,
            effective_at=datetime.now(UTC),
            actor_key_id=by.key_id,
            actor_user_id=by.user_id,
            actor_email=user.email,
            resource_id=resource_id,
            details=dict(details or {}),
        )
    )
    await session.flush()


async def forget_old(db: Database, now: datetime) -> int:
    """Delete the events that are over `KEPT` old at a moment, a few at a time; return how many.

    The database refuses to delete younger ones by its own clock. Raises `StorageUnavailable`.
    """
    async with db.read() as session:
        organizations = list(await session.scalars(select(Organization.id)))
    gone = 0
    for organization_id in organizations:
        old = (AuditLog.organization_id == organization_id) & (AuditLog.effective_at < now - KEPT)
        some = select(AuditLog.id).where(old).order_by(AuditLog.effective_at).limit(AT_ONCE)
        more = True
        while more:
            async with db.read() as session:
                ids = list(await session.scalars(some))
            if ids:
                async with db.transaction() as session:
                    await session.execute(delete(AuditLog).where(AuditLog.id.in_(ids)))
            gone += len(ids)
            more = len(ids) == AT_ONCE
    return gone


async def list_audit_logs(db: Database, org_id: OrgId, wanted: AuditFilter, cut: Cut) -> Page[AuditEvent]:
    """Return the organization's events, the latest first."""
    query = (
        select(AuditLog, Project.name)
        .outerjoin(Project, Project.id == AuditLog.project_id)
        .where(AuditLog.organization_id == org_id)
    )
    latest_first = Cut(cut.limit, cut.after, cut.before, "desc")
    async with db.read() as session:
        page = await read_page(
            session, _narrowed(query, wanted), AuditLog.effective_at, AuditLog.id, latest_first
        )
    return Page(tuple(_event(row, name) for row, name in page.items), page.has_more)


def _narrowed(query: _Query, wanted: AuditFilter) -> _Query:
    for column, values in (
        (AuditLog.project_id, wanted.project_ids),
        (AuditLog.type, wanted.event_types),
        (AuditLog.actor_email, wanted.actor_emails),
        (AuditLog.resource_id, wanted.resource_ids),
    ):
        if values:
            query = query.where(column.in_(values))
    if wanted.actor_ids:
        query = query.where(
            AuditLog.actor_key_id.in_(wanted.actor_ids) | AuditLog.actor_user_id.in_(wanted.actor_ids)
        )
    return _within(query, wanted.effective_at)


def _within(query: _Query, bounds: Bounds) -> _Query:
    """Compare whole seconds, as they are shown: an event of 12.7 s is at 12."""
    if bounds.gt is not None:
        query = query.where(AuditLog.effective_at >= _moment(bounds.gt + 1))
    if bounds.gte is not None:
        query = query.where(AuditLog.effective_at >= _moment(bounds.gte))
    if bounds.lt is not None:
        query = query.where(AuditLog.effective_at < _moment(bounds.lt))
    if bounds.lte is not None:
        query = query.where(AuditLog.effective_at < _moment(bounds.lte + 1))
    return query


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(min(max(seconds, 0), 253_402_300_799), UTC)  # the year 9999 at the latest


def _event(row: AuditLog, project_name: str | None) -> AuditEvent:
    return AuditEvent(
        row.id,
        row.type,
        row.effective_at,
        row.actor_key_id,
        row.actor_user_id,
        row.actor_email,
        row.resource_id,
        row.details,
        row.project_id,
        project_name,
    )
