"""Service accounts: programs that own keys of a project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId, ProjectId, ServiceAccountId, new_service_account_id
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.api_keys import KeyOwner, NewKey, add_key
from sayso.tenancy.audit import record
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.names import check_name, check_scopes, expiry
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.project_lookup import find_project, open_project
from sayso.tenancy.roles import AccountRole, ProjectRole
from sayso.tenancy.tables import Project, ServiceAccount

KEY_NAME = "Secret Key"  # of a key that nobody named


@dataclass(frozen=True, slots=True)
class ServiceAccountRecord:
    """A service account; the keys of one whose role is `none` do not work."""

    id: ServiceAccountId
    name: str
    role: AccountRole
    created_at: datetime


async def create_service_account(
    accounts: Accounts,
    by: AdminCaller,
    project_id: ProjectId,
    name: str,
    *,
    with_key: bool = True,
    expires_in: int | None = None,
) -> tuple[ServiceAccountRecord, NewKey | None]:
    """Make a member of the project with a first key, or, without one, an account that has no role yet.

    `expires_in` is the key's, in seconds. Raises `ObjectNotFound` for the project, `InvalidRequest` for the
    name, an archived project, and an expiry without a key.
    """
    if expires_in is not None and not with_key:
        raise InvalidRequest(
            "'expires_in_seconds' can not be used with 'create_service_account_only'.",
            param="expires_in_seconds",
            code="invalid_parameter_combination",
        )
    async with accounts.db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        account = ServiceAccount(
            id=new_service_account_id(),
            project_id=project_id,
            name=check_name(name),
            role="member" if with_key else "none",
            created_at=datetime.now(UTC),
        )
        session.add(account)
        await session.flush()
        details = {"data": {"role": account.role}}
        await record(session, by, "service_account.created", account.id, details, project_id)
        if not with_key:
            return _record(account), None
        owner = KeyOwner(service_account_id=account.id)
        key = await add_key(
            session, accounts.pepper, by, project_id, owner, KEY_NAME, expires_at=expiry(expires_in)
        )
        return _record(account), key


async def create_account_key(
    accounts: Accounts,
    by: AdminCaller,
    project_id: ProjectId,
    account_id: ServiceAccountId,
    *,
    name: str | None = None,
    scopes: Sequence[str] = (),
    expires_in: int | None = None,
) -> NewKey:
    """Make another key for a service account.

    Raises `ObjectNotFound`, `InvalidRequest` for the name, a scope or an archived project.
    """
    async with accounts.db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        account = await _find(session, by.org_id, project_id, account_id)
        return await add_key(
            session,
            accounts.pepper,
            by,
            project_id,
            KeyOwner(service_account_id=account.id),
            KEY_NAME if name is None else name,
            scopes=check_scopes(scopes),
            expires_at=expiry(expires_in),
        )


async def list_service_accounts(
    db: Database, org_id: OrgId, project_id: ProjectId, cut: Cut
) -> Page[ServiceAccountRecord]:
    """Return the project's service accounts, the oldest first. Raises `ObjectNotFound` for the project."""
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        page = await read_page(
            session, _accounts(org_id, project_id), ServiceAccount.created_at, ServiceAccount.id, cut
        )
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def get_service_account(
    db: Database, org_id: OrgId, project_id: ProjectId, account_id: ServiceAccountId
) -> ServiceAccountRecord:
    """Return one service account. Raises `ObjectNotFound`."""
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        return _record(await _find(session, org_id, project_id, account_id))


async def update_service_account(
    db: Database,
    by: AdminCaller,
    project_id: ProjectId,
    account_id: ServiceAccountId,
    *,
    name: str | None = None,
    role: ProjectRole | None = None,
) -> ServiceAccountRecord:
    """Change what is not None. Raises `ObjectNotFound`, `InvalidRequest`."""
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        account = await _find(session, by.org_id, project_id, account_id)
        account.name = account.name if name is None else check_name(name)
        account.role = account.role if role is None else role
        changes = {key: value for key, value in (("name", name), ("role", role)) if value is not None}
        if changes:
            details = {"changes_requested": changes}
            await record(session, by, "service_account.updated", account.id, details, project_id)
        return _record(account)


async def delete_service_account(
    db: Database, by: AdminCaller, project_id: ProjectId, account_id: ServiceAccountId
) -> None:
    """Delete a service account and revoke its keys; within a second none works. Raises `ObjectNotFound`."""
    async with db.transaction() as session:
        await find_project(session, by.org_id, project_id)
        account = await _find(session, by.org_id, project_id, account_id)
        account.deleted_at = datetime.now(UTC)
        await session.execute(
            update(ApiKey)
            .where(ApiKey.service_account_id == account.id, ApiKey.revoked_at.is_(None))
            .values(revoked_at=account.deleted_at)
        )
        await record(session, by, "service_account.deleted", account.id, project_id=project_id)


def _accounts(org_id: OrgId, project_id: ProjectId) -> "Select[ServiceAccount]":
    return (
        select(ServiceAccount)
        .join(Project)
        .where(Project.organization_id == org_id, ServiceAccount.project_id == project_id)
        .where(ServiceAccount.deleted_at.is_(None))
    )


async def _find(
    session: AsyncSession, org_id: OrgId, project_id: ProjectId, account_id: ServiceAccountId
) -> ServiceAccount:
    found = await session.scalar(_accounts(org_id, project_id).where(ServiceAccount.id == account_id))
    if found is None:
        raise ObjectNotFound(f"No service account found with id '{account_id}'.", param="service_account_id")
    return found


def _record(account: ServiceAccount) -> ServiceAccountRecord:
    return ServiceAccountRecord(account.id, account.name, account.role, account.created_at)
