"""A database from before there were users keeps its keys, and every one of them gets an owner."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.ids import KeyId, OrgId, ProjectId
from sayso.tenancy import key_format
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.paging import Cut
from sayso.tenancy.project_keys import list_project_keys
from sayso.tenancy.service import default_project
from sayso.tenancy.users import list_users

PEPPER = bytes(32)
THEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


async def _add_old_rows(session: AsyncSession, slug: str, key: str) -> None:
    """Write what the first release wrote; moments in UTC, which PostgreSQL keeps with their zone."""
    ids = {"org": f"org_{slug}", "project": f"proj_{slug}", "key": f"key_{slug}", "slug": slug}
    moment = f"{THEN:%Y-%m-%d %H:%M:%S}.000000"
    if session.get_bind().dialect.name != "sqlite":
        moment += "+00"
    for statement in (
        "INSERT INTO organizations (id, slug, name, created_at) VALUES (:org, :slug, :slug, '{0}')",
        "INSERT INTO projects (id, organization_id, name, created_at) VALUES (:project, :org, 'p', '{0}')",
        "INSERT INTO api_keys (id, project_id, name, lookup_id, digest, redacted_value, created_at) "
        "VALUES (:key, :project, 'k', :lookup, :digest, 'sk-sayso-...', '{0}')",
    ):
        values = {**ids, "lookup": key_format.lookup_id(key), "digest": key_format.digest(PEPPER, key)}
        named = {name: value for name, value in values.items() if f":{name}" in statement}
        await session.execute(text(statement.format(moment)), named)


@pytest.mark.parametrize("slug", ["default", "acme"])
async def test_old_keys_work_and_have_an_owner(database_url: str, slug: str) -> None:
    keys = {name: key_format.new_key() for name in ("default", "acme")}
    async with Database.open(database_url) as db:
        await migrate(db, "0001")
        async with db.transaction() as session:
            for name, key in keys.items():
                await _add_old_rows(session, name, key)
        await migrate(db)
        (owner,) = (await list_users(db, OrgId(f"org_{slug}"), Cut())).items
        assert (owner.email, owner.role) == (f"owner@{slug}.invalid", "owner")
        caller = await Authenticator(db, PEPPER).authenticate(keys[slug])
        assert (caller.org_id, caller.key_id) == (OrgId(f"org_{slug}"), KeyId(f"key_{slug}"))
        assert (caller.user_id, caller.models, caller.read_only) == (owner.id, None, False)
        (listed,) = (
            await list_project_keys(db, OrgId(f"org_{slug}"), ProjectId(f"proj_{slug}"), Cut(), "active")
        ).items
        assert (listed.created_at, listed.owner.id) == (THEN, owner.id)
        assert (await default_project(db)).id == "proj_default"
