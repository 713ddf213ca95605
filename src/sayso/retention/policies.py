"""Policies in the database: a version for each change, so that what was in force can be told for ever."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

from sqlalchemy import BindParameter, Connection, Row, bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.ids import OrgId, ProjectId
from sayso.retention.policy import (
    DEFAULT_DAYS,
    INHERIT,
    Mode,
    RetentionPolicy,
    RetentionSetting,
    Scope,
    effective,
)
from sayso.retention.tables import RetentionPolicyRow


@dataclass(frozen=True, slots=True)
class PolicyVersion:
    """One version; `applied` tells whether what was kept before it follows it already."""

    scope_kind: Scope
    scope_id: str
    organization_id: OrgId
    version: int
    setting: RetentionSetting
    effective_from: int
    actor: str
    applied: bool

    def covers(self, project_id: str, created_at: int) -> bool:
        """Return whether it also acts on what a project of its organization made at a moment."""
        return self.scope_id in (self.organization_id, project_id) and created_at <= self.effective_from


async def set_policy(
    session: AsyncSession,
    *,
    organization_id: OrgId,
    project_id: ProjectId | None,
    setting: RetentionSetting,
    actor: str,
    now: int,
) -> PolicyVersion:
    """Write a new version into the open transaction: for a project, or for the organization where None.

    It is in force for what is written from the commit on, and hides what is kept beyond it at once; the sweep
    destroys that. The same setting again makes no version. `now` is in Unix microseconds.
    """
    scope_id = project_id or organization_id
    scope_kind: Scope = "project" if project_id else "organization"
    versions = [_version(row) for row in await session.execute(_VERSIONS, {"scopes": [scope_id]})]
    if versions and versions[-1].setting == setting:
        return versions[-1]
    number = versions[-1].version + 1 if versions else 1
    session.add(
        RetentionPolicyRow(
            scope_id=scope_id,
            version=number,
            scope_kind=scope_kind,
            organization_id=organization_id,
            mode=setting.mode,
            days=setting.days,
            effective_from=now,
            actor=actor,
            applied_at=None,
        )
    )
    await session.flush()
    return PolicyVersion(scope_kind, scope_id, organization_id, number, setting, now, actor, False)


async def get_setting(
    session: AsyncSession, organization_id: OrgId, project_id: ProjectId | None = None
) -> RetentionSetting:
    """Return what a project, or the organization, asks for."""
    found = await session.execute(_VERSIONS, {"scopes": [project_id or organization_id]})
    versions = [_version(row) for row in found]
    return versions[-1].setting if versions else _unset("project" if project_id else "organization")


async def get_policy(
    session: AsyncSession,
    organization_id: OrgId,
    project_id: ProjectId,
    ceiling_days: int = DEFAULT_DAYS,
) -> RetentionPolicy:
    """Return what is in force for a project."""
    found = await session.execute(_VERSIONS, {"scopes": [organization_id, project_id]})
    newest = _newest(_version(row) for row in found)
    return in_force(newest, organization_id, project_id, ceiling_days)[0]


async def history(session: AsyncSession, organization_id: OrgId) -> list[PolicyVersion]:
    """Return every version of an organization and its projects, the oldest first."""
    query = _COLUMNS.where(RetentionPolicyRow.organization_id == organization_id)
    query = query.order_by(RetentionPolicyRow.effective_from, RetentionPolicyRow.version)
    return [_version(row) for row in await session.execute(query)]


async def pending(session: AsyncSession, organization_id: OrgId | None = None) -> list[PolicyVersion]:
    """Return the versions that have not been applied to what was kept before them, the oldest first."""
    query = _COLUMNS.where(RetentionPolicyRow.applied_at.is_(None))
    if organization_id is not None:
        query = query.where(RetentionPolicyRow.organization_id == organization_id)
    query = query.order_by(RetentionPolicyRow.effective_from, RetentionPolicyRow.version)
    return [_version(row) for row in await session.execute(query)]


def newest_versions(connection: Connection, scope_ids: Iterable[str]) -> dict[str, PolicyVersion]:
    """Return the newest version of each of these organizations and projects that has one."""
    return _newest(_version(row) for row in connection.execute(_VERSIONS, {"scopes": list(scope_ids)}))


def in_force(
    newest: dict[str, PolicyVersion], organization_id: str, project_id: str, ceiling_days: int
) -> tuple[RetentionPolicy, str]:
    """Return the policy of a project by the newest versions, and its name for a record: their numbers."""
    organization, project = newest.get(organization_id), newest.get(project_id)
    policy = effective(
        organization.setting if organization else _unset("organization"),
        project.setting if project else INHERIT,
        ceiling_days,
    )
    return policy, f"{organization.version if organization else 0}.{project.version if project else 0}"


def expiry(
    versions: Sequence[PolicyVersion], project_id: str, created_at: int, expires_at: int, *, stored: bool
) -> int:
    """Return when a record expires by its row and the `versions` that wait to be applied."""
    limits = (
        version.setting.policy.expires_at(created_at, stored=stored)
        for version in versions
        if version.covers(project_id, created_at)
    )
    return min((expires_at, *limits))


def _unset(scope: Scope) -> RetentionSetting:
    return RetentionSetting("default") if scope == "organization" else INHERIT


_SCOPES: BindParameter[Sequence[str]] = bindparam("scopes", expanding=True)
_COLUMNS = select(
    RetentionPolicyRow.scope_kind,
    RetentionPolicyRow.scope_id,
    RetentionPolicyRow.organization_id,
    RetentionPolicyRow.version,
    RetentionPolicyRow.mode,
    RetentionPolicyRow.days,
    RetentionPolicyRow.effective_from,
    RetentionPolicyRow.actor,
    RetentionPolicyRow.applied_at,
)
_VERSIONS = _COLUMNS.where(RetentionPolicyRow.scope_id.in_(_SCOPES)).order_by(RetentionPolicyRow.version)


def _version(row: Row[str, str, str, int, str, int, int, str, int | None]) -> PolicyVersion:
    kind, scope_id, organization_id, version, mode, days, effective_from, actor, applied_at = row
    return PolicyVersion(
        cast("Scope", kind),
        scope_id,
        OrgId(organization_id),
        version,
        RetentionSetting(cast("Mode", mode), days),
        effective_from,
        actor,
        applied_at is not None,
    )


def _newest(versions: Iterable[PolicyVersion]) -> dict[str, PolicyVersion]:
    return {version.scope_id: version for version in versions}
