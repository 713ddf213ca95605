"""What the database knows of a key when it is shown.

A key is looked for by its digest, which nobody can choose without the pepper: a wrong key is not found, and
how long that takes tells nothing of how much of it is right.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import Caller, ModelPermission, OrgRole
from sayso.ids import OrgId
from sayso.tenancy.key_tables import AdminApiKey, ApiKey
from sayso.tenancy.roles import Access, ProjectRole, account_access, is_read_only, user_access
from sayso.tenancy.tables import (
    Membership,
    ModelPermissions,
    Organization,
    Project,
    ProjectMember,
    ServiceAccount,
)


@dataclass(frozen=True, slots=True)
class ProjectRow:
    """A project's key with what decides whether it works."""

    key: ApiKey
    org_id: OrgId
    slug: str
    archived: bool
    access: Access
    models: ModelPermission | None

    def works(self, now: datetime) -> bool:
        """Return whether the key, its project and its owner are in force."""
        return not self.archived and self.access == "active" and _in_force(self.key, now)

    def caller(self) -> Caller:
        """Return who calls with the key."""
        return Caller(
            self.org_id,
            self.key.project_id,
            self.key.id,
            self.key.user_id,
            self.key.service_account_id,
            self.models,
            is_read_only(tuple(self.key.scopes or ())),
        )


@dataclass(frozen=True, slots=True)
class AdminRow:
    """An admin key; `role` is None where its user has left the organization."""

    key: AdminApiKey
    slug: str
    role: OrgRole | None

    def works(self, now: datetime) -> bool:
        """Return whether the key is in force."""
        return _in_force(self.key, now)


# Made once: making them costs more than running them.
_PROJECT_KEY = (
    select(
        ApiKey,
        Organization.id,
        Organization.slug,
        Project.archived_at,
        Membership.role,
        ProjectMember.role,
        ServiceAccount,
        ModelPermissions,
    )
    .join(Project, Project.id == ApiKey.project_id)
    .join(Organization, Organization.id == Project.organization_id)
    .outerjoin(
        Membership,
        (Membership.organization_id == Organization.id) & (Membership.user_id == ApiKey.user_id),
    )
    .outerjoin(
        ProjectMember,
        (ProjectMember.project_id == Project.id) & (ProjectMember.user_id == ApiKey.user_id),
    )
    .outerjoin(ServiceAccount, ServiceAccount.id == ApiKey.service_account_id)
    .outerjoin(ModelPermissions, ModelPermissions.project_id == Project.id)
    .where(ApiKey.digest == bindparam("digest"))
)
_ADMIN_KEY = (
    select(AdminApiKey, Organization.slug, Membership.role)
    .join(Organization, Organization.id == AdminApiKey.organization_id)
    .outerjoin(
        Membership,
        (Membership.organization_id == AdminApiKey.organization_id)
        & (Membership.user_id == AdminApiKey.user_id),
    )
    .where(AdminApiKey.digest == bindparam("digest"))
)


async def find_project_key(session: AsyncSession, digest: bytes) -> ProjectRow | None:
    """Return the project key of this digest; in one statement, for every request waits for it."""
    row = (await session.execute(_PROJECT_KEY, {"digest": digest})).one_or_none()
    if row is None:
        return None
    key, org_id, slug, archived_at, org_role, project_role, account, models = row
    return ProjectRow(
        key,
        org_id,
        slug,
        archived_at is not None,
        _access(account, org_role, project_role),
        _permission(models),
    )


async def find_admin_key(session: AsyncSession, digest: bytes) -> AdminRow | None:
    """Return the admin key of this digest."""
    row = (await session.execute(_ADMIN_KEY, {"digest": digest})).one_or_none()
    return None if row is None else AdminRow(*row)


def _access(
    account: ServiceAccount | None, org_role: OrgRole | None, project_role: ProjectRole | None
) -> Access:
    if account is None:
        return user_access(org_role, project_role)
    return account_access(account.role, deleted=account.deleted_at is not None)


def _permission(stored: ModelPermissions | None) -> ModelPermission | None:
    return None if stored is None else ModelPermission(stored.mode, frozenset(stored.model_ids))


def _in_force(key: ApiKey | AdminApiKey, now: datetime) -> bool:
    return key.revoked_at is None and (key.expires_at is None or key.expires_at > now)
