"""Accounts in a fresh database of either kind."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from sayso.core.caller import AdminCaller
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.pepper import open_pepper
from sayso.tenancy.service import FirstTenant, add_organization, ensure_first_tenant


@pytest.fixture
async def both(database_url: str, tmp_path: Path) -> AsyncIterator[Accounts]:
    """Accounts on SQLite, then on PostgreSQL."""
    async with Database.open(database_url) as db:
        await migrate(db)
        yield Accounts(db, await open_pepper(db, tmp_path))


@pytest.fixture
async def tenant(both: Accounts) -> FirstTenant:
    made = await ensure_first_tenant(both.db, both.pepper)
    assert made is not None
    return made


@pytest.fixture
async def stranger(both: Accounts, tenant: FirstTenant) -> AdminCaller:
    """The owner of another organization."""
    async with both.db.transaction() as session:
        return await add_organization(session, "other", "Other")
