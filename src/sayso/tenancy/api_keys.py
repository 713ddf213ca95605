"""Make, list and revoke API keys."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import KeyId, ProjectId, new_key_id
from sayso.tenancy import key_format
from sayso.tenancy.tables import ApiKey, Project

MAX_NAME = 256  # characters


@dataclass(frozen=True, slots=True)
class NewKey:
    """A key just made; `secret` is shown now and never again."""

    id: KeyId
    project_id: ProjectId
    name: str
    secret: str


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


async def create_key(db: Database, pepper: bytes, project_id: ProjectId, name: str) -> NewKey:
    """Make a key; it works at once.

    Raises `InvalidRequest` for a name that is empty or over 256 characters, `ObjectNotFound` for an unknown
    project.
    """
    async with db.transaction() as session:
        if await session.get(Project, project_id) is None:
            raise ObjectNotFound(f"No project found with id '{project_id}'.", param="project_id")
        return add_key(session, pepper, project_id, name)


def add_key(session: AsyncSession, pepper: bytes, project_id: ProjectId, name: str) -> NewKey:
    """Make a key in the caller's transaction. Raises `InvalidRequest` for the name."""
    if not name.strip() or len(name) > MAX_NAME:
        raise InvalidRequest(f"A key's name has 1 to {MAX_NAME} characters.", param="name")
    secret = key_format.new_key()
    key = ApiKey(
        id=new_key_id(),
        project_id=project_id,
        name=name,
        lookup_id=key_format.lookup_id(secret),
        digest=key_format.digest(pepper, secret),
        redacted_value=key_format.redact(secret),
        created_at=datetime.now(UTC),
    )
    session.add(key)
    return NewKey(key.id, project_id, name, secret)


async def list_keys(db: Database, project_id: ProjectId) -> tuple[KeyRecord, ...]:
    """Return the project's keys, revoked ones too, the oldest first."""
    query = select(ApiKey).where(ApiKey.project_id == project_id).order_by(ApiKey.created_at, ApiKey.id)
    async with db.read() as session:
        return tuple(_record(key) for key in await session.scalars(query))


async def revoke_key(db: Database, project_id: ProjectId, key_id: KeyId) -> KeyRecord:
    """Revoke a key for good; within a second no gateway takes it. Twice is as good as once.

    Raises `ObjectNotFound` for a key that is not this project's.
    """
    async with db.transaction() as session:
        key = await session.scalar(select(ApiKey).where(ApiKey.id == key_id, ApiKey.project_id == project_id))
        if key is None:
            raise ObjectNotFound(f"No API key found with id '{key_id}'.", param="id")
        key.revoked_at = key.revoked_at or datetime.now(UTC)
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
