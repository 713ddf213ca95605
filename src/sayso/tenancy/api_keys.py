"""Make, list, change and revoke the API keys of a project."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import KeyId, OrgId, ProjectId, ServiceAccountId, UserId, new_key_id
from sayso.tenancy import key_format
from sayso.tenancy.audit import record
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.names import check_name, check_scopes, expiry
from sayso.tenancy.project_lookup import open_project
from sayso.tenancy.roles import Scopes
from sayso.tenancy.tables import Project


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `secret` is shown now and never again."""

    id: KeyId
    project_id: ProjectId
    name: str
    secret: str
    created_at: datetime
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyRecord:
    """What can be said of a key later."""

    id: KeyId
    project_id: ProjectId
    name: str
    redacted_value: str
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key it is: either a user's or a service account's."""

    user_id: UserId | None = None
    service_account_id: ServiceAccountId | None = None


async def create_key(
    db: Database,
    pepper: bytes,
    by: AdminCaller,
    project_id: ProjectId,
    name: str,
    *,
    scopes: Sequence[str] = (),
    expires_in: int | None = None,
) -> NewKey:
    """Make a key that the caller's user owns; it works at once. `expires_in` is in seconds.

    Raises `InvalidRequest` for a name that is empty or over 256 characters and for an unknown scope,
    `ObjectNotFound` for an unknown project or an archived one.
    """
    wanted, end, owner = check_scopes(scopes), expiry(expires_in), KeyOwner(user_id=by.user_id)
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        return await add_key(session, pepper, by, project_id, owner, name, scopes=wanted, expires_at=end)


async def add_key(
    session: AsyncSession,
    pepper: bytes,
    by: AdminCaller,
    project_id: ProjectId,
    owner: KeyOwner,
    name: str,
    *,
    scopes: Scopes = (),
    expires_at: datetime | None = None,
) -> NewKey:
    """Make a key in the caller's transaction. Raises `InvalidRequest` for the name."""
    secret = key_format.new_key()
    key = ApiKey(
        id=new_key_id(),
        project_id=project_id,
        name=check_name(name),
        lookup_id=key_format.lookup_id(secret),
        digest=key_format.digest(pepper, secret),
        redacted_value=key_format.redact(secret),
        created_at=datetime.now(UTC),
        user_id=owner.user_id,
        service_account_id=owner.service_account_id,
        scopes=list(scopes) or None,
        expires_at=expires_at,
    )
    session.add(key)
    await session.flush()
    await record(session, by, "api_key.created", key.id, {"data": {"scopes": list(scopes)}}, project_id)
    return NewKey(key.id, project_id, name, secret, key.created_at, expires_at)


async def list_keys(db: Database, org_id: OrgId, project_id: ProjectId) -> tuple[KeyRecord, ...]:
    """Return the project's keys, revoked ones too, the oldest first."""
    query = (
        select(ApiKey)
        .join(Project)
        .where(Project.organization_id == org_id, ApiKey.project_id == project_id)
        .order_by(ApiKey.created_at, ApiKey.id)
    )
    async with db.read() as session:
        return tuple(_record(key) for key in await session.scalars(query))


async def revoke_key(db: Database, by: AdminCaller, project_id: ProjectId, key_id: KeyId) -> KeyRecord:
    """Revoke a key for good; within a second no gateway takes it. Twice is as good as once.

    Raises `ObjectNotFound` for a key that is not this project's.
    """
    query = (
        select(ApiKey)
        .join(Project)
        .where(Project.organization_id == by.org_id, ApiKey.project_id == project_id, ApiKey.id == key_id)
    )
    async with db.transaction() as session:
        key = await session.scalar(query)
        if key is None:
            raise ObjectNotFound(f"No API key found with id '{key_id}'.", param="id")
        if key.revoked_at is None:
            key.revoked_at = datetime.now(UTC)
            await record(session, by, "api_key.deleted", key.id, project_id=project_id)
        return _record(key)


def _record(key: ApiKey) -> KeyRecord:
    return KeyRecord(
        key.id,
        key.project_id,
        key.name,
        key.redacted_value,
        key.created_at,
        key.last_used_at,
        key.revoked_at,
    )
