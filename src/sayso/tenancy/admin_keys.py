"""Make, list and revoke an organization's admin keys."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller, OrgRole
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import KeyId, OrgId, UserId, new_key_id
from sayso.tenancy import key_format
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import record
from sayso.tenancy.key_tables import AdminApiKey
from sayso.tenancy.names import check_name, expiry
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.tables import Membership, User


@dataclass(frozen=True, slots=True)
class AdminKeyRecord:
    """What can be said of an admin key; `owner_role` is None where its user has left the organization."""

    id: KeyId
    name: str
    redacted_value: str
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None
    owner_id: UserId
    owner_name: str
    owner_role: OrgRole | None
    owner_created_at: datetime


@dataclass(frozen=True, slots=True)
class NewAdminKey:
    """An admin key just made; `secret` is shown now and never again."""

    key: AdminKeyRecord
    secret: str


async def create_admin_key(
    accounts: Accounts, by: AdminCaller, name: str, expires_in: int | None = None
) -> NewAdminKey:
    """Make a key that belongs to the caller's user; it works at once. `expires_in` is in seconds.

    Raises `InvalidRequest` for the name.
    """
    async with accounts.db.transaction() as session:
        return await add_admin_key(session, accounts.pepper, by, name, expires_in)


async def add_admin_key(
    session: AsyncSession, pepper: bytes, by: AdminCaller, name: str, expires_in: int | None = None
) -> NewAdminKey:
    """Make a key in the caller's transaction. Raises `InvalidRequest` for the name."""
    secret = key_format.new_key(key_format.ADMIN_PREFIX)
    key = AdminApiKey(
        id=new_key_id(),
        organization_id=by.org_id,
        user_id=by.user_id,
        name=check_name(name),
        lookup_id=key_format.lookup_id(secret, key_format.ADMIN_PREFIX),
        digest=key_format.digest(pepper, secret),
        redacted_value=key_format.redact(secret),
        created_at=datetime.now(UTC),
        expires_at=expiry(expires_in),
    )
    session.add(key)
    await session.flush()
    await record(session, by, "api_key.created", key.id, {"data": {"scopes": ["api.management"]}})
    row = (await session.execute(_keys(by.org_id).where(AdminApiKey.id == key.id))).one()
    return NewAdminKey(_record(*row), secret)


async def list_admin_keys(db: Database, org_id: OrgId, cut: Cut) -> Page[AdminKeyRecord]:
    """Return the organization's keys that have not been revoked."""
    query = _keys(org_id).where(AdminApiKey.revoked_at.is_(None))
    async with db.read() as session:
        page = await read_page(session, query, AdminApiKey.created_at, AdminApiKey.id, cut)
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def all_admin_keys(db: Database, org_id: OrgId) -> tuple[AdminKeyRecord, ...]:
    """Return the organization's keys, revoked ones too, the oldest first."""
    query = _keys(org_id).order_by(AdminApiKey.created_at, AdminApiKey.id)
    async with db.read() as session:
        return tuple(_record(*row) for row in await session.execute(query))


async def get_admin_key(db: Database, org_id: OrgId, key_id: KeyId) -> AdminKeyRecord:
    """Return one key. Raises `ObjectNotFound` for one that is revoked or not this organization's."""
    query = _keys(org_id).where(AdminApiKey.id == key_id, AdminApiKey.revoked_at.is_(None))
    async with db.read() as session:
        row = (await session.execute(query)).one_or_none()
    if row is None:
        raise _unknown(key_id)
    return _record(*row)


async def revoke_admin_key(db: Database, by: AdminCaller, key_id: KeyId) -> None:
    """Revoke a key for good; within a second no gateway takes it.

    Raises `ObjectNotFound` for a key that is revoked or not this organization's.
    """
    query = select(AdminApiKey).where(
        AdminApiKey.organization_id == by.org_id, AdminApiKey.id == key_id, AdminApiKey.revoked_at.is_(None)
    )
    async with db.transaction() as session:
        key = await session.scalar(query)
        if key is None:
            raise _unknown(key_id)
        key.revoked_at = datetime.now(UTC)
        await record(session, by, "api_key.deleted", key_id)


def _keys(org_id: OrgId) -> "Select[AdminApiKey, User, OrgRole]":
    return (
        select(AdminApiKey, User, Membership.role)
        .join(User, User.id == AdminApiKey.user_id)
        .outerjoin(
            Membership,
            (Membership.user_id == AdminApiKey.user_id)
            & (Membership.organization_id == AdminApiKey.organization_id),
        )
        .where(AdminApiKey.organization_id == org_id)
    )


def _record(key: AdminApiKey, user: User, role: OrgRole | None) -> AdminKeyRecord:
    return AdminKeyRecord(
        key.id,
        key.name,
        key.redacted_value,
        key.created_at,
        key.expires_at,
        key.last_used_at,
        key.revoked_at,
        user.id,
        user.name,
        role,
        user.created_at,
    )


def _unknown(key_id: str) -> ObjectNotFound:
    return ObjectNotFound(f"No API key found with id '{key_id}'.", param="id")
