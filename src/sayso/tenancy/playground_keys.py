"""The key that a user's playground calls with in a project: listed, limited and revoked as any other.

Its secret is thrown away as it is made, so that only a session of the console can call with it.
"""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller, Caller
from sayso.errors import PermissionRefused
from sayso.ids import ProjectId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.api_keys import KeyOwner, add_key
from sayso.tenancy.console_tables import PlaygroundKey
from sayso.tenancy.key_lookup import find_project_key
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.project_lookup import open_project

NAME = "Playground"


async def playground_caller(accounts: Accounts, by: AdminCaller, project_id: ProjectId) -> Caller:
    """Return who calls from the playground, with a new key where there is none or it is revoked.

    Raises `ObjectNotFound` for the project, `InvalidRequest` for an archived one, `PermissionRefused` where
    the user is no member of it.
    """
    async with accounts.db.read() as session:
        await open_project(session, by.org_id, project_id)
        found = await _digest(session, by, project_id)
    if found is None:
        found = await _make(accounts, by, project_id)
    async with accounts.db.read() as session:
        row = await find_project_key(session, found)
    if row is None or not row.works(datetime.now(UTC)):
        raise PermissionRefused("You are not a member of this project.", code="insufficient_permissions")
    return row.caller()


async def _digest(session: AsyncSession, by: AdminCaller, project_id: ProjectId) -> bytes | None:
    query = (
        select(ApiKey.digest)
        .join(PlaygroundKey, PlaygroundKey.key_id == ApiKey.id)
        .where(PlaygroundKey.project_id == project_id, PlaygroundKey.user_id == by.user_id)
        .where(ApiKey.revoked_at.is_(None))
    )
    found: bytes | None = await session.scalar(query)
    return found


async def _make(accounts: Accounts, by: AdminCaller, project_id: ProjectId) -> bytes:
    async with accounts.db.transaction() as session:
        if (known := await _digest(session, by, project_id)) is not None:
            return known  # another gateway was faster
        owner = KeyOwner(user_id=by.user_id)
        key = await add_key(session, accounts.pepper, by, project_id, owner, NAME)
        await session.merge(PlaygroundKey(project_id=project_id, user_id=by.user_id, key_id=key.id))
        return (await session.get_one(ApiKey, key.id)).digest
