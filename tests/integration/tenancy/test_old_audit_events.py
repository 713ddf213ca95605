"""The audit log forgets what is over 400 days old, and nothing else."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.ids import UserId, new_audit_log_id
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import forget_old
from sayso.tenancy.audit_table import AuditLog
from sayso.tenancy.service import FirstTenant

NOW = datetime.now(UTC)


def entry(by: FirstTenant, age: timedelta) -> AuditLog:
    return AuditLog(
        id=new_audit_log_id(),
        organization_id=by.org_id,
        project_id=None,
        type="project.updated",
        effective_at=NOW - age,
        actor_key_id=None,
        actor_user_id=UserId("user_1"),
        actor_email="a@example.com",
        resource_id="proj_1",
        details={},
    )


async def ages(session: AsyncSession) -> list[int]:
    found = await session.scalars(select(AuditLog.effective_at).where(AuditLog.resource_id == "proj_1"))
    return sorted(round((NOW - one) / timedelta(hours=1)) for one in found)


async def test_old_events_go_and_young_ones_stay(
    both: Accounts, tenant: FirstTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    db = both.db
    monkeypatch.setattr("sayso.tenancy.audit.AT_ONCE", 2)
    hours = [1, 399 * 24, 400 * 24 - 1, 400 * 24 + 1, 401 * 24, 500 * 24, 600 * 24, 700 * 24]
    async with db.transaction() as session:
        session.add_all(entry(tenant, timedelta(hours=one)) for one in hours)
    async with db.read() as session:
        before = await session.scalar(select(func.count()).select_from(AuditLog))
    assert await forget_old(db, NOW) == 5
    async with db.read() as session:
        assert await ages(session) == hours[:3]
        assert await session.scalar(select(func.count()).select_from(AuditLog)) == (before or 0) - 5
    assert await forget_old(db, NOW) == 0


async def test_the_database_refuses_to_forget_sooner(both: Accounts, tenant: FirstTenant) -> None:
    db = both.db
    async with db.transaction() as session:
        session.add(entry(tenant, timedelta(days=399)))
    with pytest.raises(DatabaseError, match="append-only"):
        await forget_old(db, NOW + timedelta(days=2))
    with pytest.raises(DatabaseError, match="append-only"):
        async with db.transaction() as session:
            await session.execute(delete(AuditLog))
    async with db.read() as session:
        assert await ages(session) == [399 * 24]
