"""A project's keys as administrators see them: with their owners, and without the revoked ones."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, and_, or_, select

from sayso.core.caller import AdminCaller, OrgRole
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import KeyId, OrgId, ProjectId
from sayso.tenancy.audit import record
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.names import check_scopes, expiry
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.project_lookup import find_project, open_project
from sayso.tenancy.roles import Access, ProjectRole, account_access, user_access
from sayso.tenancy.tables import Membership, Project, ProjectMember, ServiceAccount, User

OwnerKind: TypeAlias = Literal["user", "service_account"]


@dataclass(frozen=True, slots=True)
class KeyOwnerRecord:
    """The user or service account that a key belongs to; `email` is None for the latter."""

    kind: OwnerKind
    id: str
    name: str
    role: str
    created_at: datetime
    email: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectKeyRecord:
    """A key in force, expired or revoked; `access` is that of its owner to the project."""

    id: KeyId
    name: str
    redacted_value: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    access: Access
    owner: KeyOwnerRecord
    revoked_at: datetime | None = None


async def list_project_keys(
    db: Database,
    org_id: OrgId,
    project_id: ProjectId,
    cut: Cut,
    access: Access | None = None,
    *,
    revoked: bool = False,
) -> Page[ProjectKeyRecord]:
    """Return the project's keys, those with that access or all; with `revoked` those that were revoked too.

    Raises `ObjectNotFound` for the project.
    """
    query = _keys(org_id, project_id, revoked=revoked)
    if access is not None:
        query = query.where(_active() if access == "active" else ~_active())
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        page = await read_page(session, query, ApiKey.created_at, ApiKey.id, cut)
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def get_project_key(
    db: Database, org_id: OrgId, project_id: ProjectId, key_id: KeyId
) -> ProjectKeyRecord:
    """Return one key. Raises `ObjectNotFound`."""
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        row = (await session.execute(_keys(org_id, project_id).where(ApiKey.id == key_id))).one_or_none()
    if row is None:
        raise _unknown(key_id)
    return _record(*row)


async def update_project_key(
    db: Database,
    by: AdminCaller,
    project_id: ProjectId,
    key_id: KeyId,
    *,
    scopes: Sequence[str] | None = None,
    expires_in: int | None = None,
) -> ProjectKeyRecord:
    """Change what is not None; `expires_in` is in seconds from now.

    Raises `ObjectNotFound`, `InvalidRequest` for an unknown scope, an expired key or an archived project.
    """
    wanted = None if scopes is None else check_scopes(scopes)
    query = _keys(by.org_id, project_id).where(ApiKey.id == key_id)
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        row = (await session.execute(query)).one_or_none()
        if row is None:
            raise _unknown(key_id)
        key: ApiKey = row[0]
        if key.expires_at is not None and key.expires_at <= datetime.now(UTC):
            raise InvalidRequest("An expired API key can not be updated.", code="api_key_expired")
        if wanted is not None:
            key.scopes = list(wanted) or None
        if expires_in is not None:
            key.expires_at = expiry(expires_in)
        asked = {"scopes": None if wanted is None else list(wanted), "expires_in_seconds": expires_in}
        changes = {name: value for name, value in asked.items() if value is not None}
        if changes:
            await record(session, by, "api_key.updated", key.id, {"changes_requested": changes}, project_id)
        return _record(*row)


def _keys(
    org_id: OrgId, project_id: ProjectId, *, revoked: bool = False
) -> "Select[ApiKey, User, ServiceAccount, OrgRole, ProjectRole]":
    found = (
        select(ApiKey, User, ServiceAccount, Membership.role, ProjectMember.role)
        .join(Project, Project.id == ApiKey.project_id)
        .outerjoin(User, User.id == ApiKey.user_id)
        .outerjoin(ServiceAccount, ServiceAccount.id == ApiKey.service_account_id)
        .outerjoin(Membership, and_(Membership.user_id == User.id, Membership.organization_id == org_id))
        .outerjoin(
            ProjectMember, and_(ProjectMember.user_id == User.id, ProjectMember.project_id == project_id)
        )
        .where(Project.organization_id == org_id, ApiKey.project_id == project_id)
    )
    return found if revoked else found.where(ApiKey.revoked_at.is_(None))


def _active() -> ColumnElement[bool]:
    """The rules of `roles`, as the database can filter by them."""
    account = and_(
        ServiceAccount.id.is_not(None), ServiceAccount.deleted_at.is_(None), ServiceAccount.role != "none"
    )
    member = and_(Membership.role.is_not(None), ProjectMember.role.is_not(None))
    owner = and_(Membership.role.is_not(None), Membership.role == "owner")
    return or_(account, member, owner)


def _record(
    key: ApiKey,
    user: User | None,
    account: ServiceAccount | None,
    org_role: OrgRole | None,
    project_role: ProjectRole | None,
) -> ProjectKeyRecord:
    if account is not None:
        access = account_access(account.role, deleted=account.deleted_at is not None)
        owner = KeyOwnerRecord("service_account", account.id, account.name, account.role, account.created_at)
    else:
        assert user is not None, "every key has an owner"
        access = user_access(org_role, project_role)
        role = project_role or org_role or "none"
        owner = KeyOwnerRecord("user", user.id, user.name, role, user.created_at, user.email)
    return ProjectKeyRecord(
        key.id,
        key.name,
        key.redacted_value,
        key.created_at,
        key.last_used_at,
        key.expires_at,
        access,
        owner,
        key.revoked_at,
    )


def _unknown(key_id: str) -> ObjectNotFound:
    return ObjectNotFound(f"No API key found with id '{key_id}'.", param="id")
