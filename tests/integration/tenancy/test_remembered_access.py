"""What a gateway remembers of keys: as long as nothing changes, and never half a second longer."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import event, update

from sayso.core.caller import ModelPermission
from sayso.db.revisions import PROMISE_SECONDS
from sayso.db.session import Database
from sayso.errors import AuthenticationFailed
from sayso.tenancy import key_format
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import create_admin_key, revoke_admin_key
from sayso.tenancy.api_keys import create_key, revoke_key
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.invites import create_invite
from sayso.tenancy.joining import accept_invite
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.model_permissions import set_model_permission
from sayso.tenancy.projects import archive_project
from sayso.tenancy.service import FirstTenant
from sayso.tenancy.service_accounts import create_service_account, delete_service_account
from sayso.tenancy.tables import Project
from sayso.tenancy.users import update_user


class HandClock:
    """A clock that stands still until it is set."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Gateway:
    """One that has looked at the numbers, and counts what it asks the database."""

    def __init__(self, accounts: Accounts) -> None:
        self.reads = 0
        self.clock = HandClock()
        self.accounts = accounts
        self.authenticator = Authenticator(accounts.db, accounts.pepper, clock=self.clock)
        event.listen(accounts.db._reader.sync_engine, "before_cursor_execute", self._count)

    def _count(self, *_: object) -> None:
        self.reads += 1

    async def passes(self, secret: str) -> bool:
        try:
            if secret.startswith(key_format.ADMIN_PREFIX):
                await self.authenticator.authenticate_admin(secret)
            else:
                await self.authenticator.authenticate(secret)
        except AuthenticationFailed:
            return False
        return True

    async def refuses_in_time(self, secret: str, act: Callable[[], Awaitable[object]]) -> None:
        """Check that a key that works is refused half a second after somebody else's act."""
        await self.holds_in_time(lambda: self.passes(secret), act)

    async def holds_in_time(
        self, before: Callable[[], Awaitable[bool]], act: Callable[[], Awaitable[object]]
    ) -> None:
        """Check that what was so until somebody else's act is not so half a second later."""
        assert await before()
        self.clock.now += 3_600.0  # so that it is remembered for the numbers' sake alone
        assert await before()
        await act()
        done = time.monotonic()
        while True:
            begun = time.monotonic()
            if not await before():
                return
            assert begun - done <= PROMISE_SECONDS
            await asyncio.sleep(0.005)


async def looked(db: Database) -> None:
    """Start to look, and wait for the first look."""
    done = asyncio.Event()
    db.revisions.listen("access", done.set)
    db.revisions.start()
    async with asyncio.timeout(30.0):
        await done.wait()


@pytest.fixture
async def gateway(both: Accounts, tenant: FirstTenant) -> Gateway:
    await looked(both.db)
    return Gateway(both)


@pytest.fixture
async def elsewhere(gateway: Gateway, database_url: str) -> AsyncIterator[Accounts]:
    """Another process's accounts."""
    async with Database.open(database_url) as other:
        yield Accounts(other, gateway.accounts.pepper)


async def test_while_nothing_changes_a_key_is_read_once(
    gateway: Gateway, elsewhere: Accounts, tenant: FirstTenant
) -> None:
    secret = tenant.key.secret
    assert await gateway.passes(secret)
    gateway.reads = 0
    for _ in range(3):
        gateway.clock.now += 60.0
        assert await gateway.passes(secret)
        await gateway.authenticator.flush_last_used()
    async with elsewhere.db.transaction() as session:
        await session.execute(update(Project).values(name="Another"))
    elsewhere.db.revisions.look_soon()
    assert await gateway.passes(secret)
    assert gateway.reads == 0


async def test_whoever_ends_a_key_elsewhere_ends_it_within_half_a_second(
    gateway: Gateway, elsewhere: Accounts, tenant: FirstTenant
) -> None:
    db, owner, project = elsewhere.db, tenant.owner, tenant.project_id
    account, theirs = await create_service_account(elsewhere, owner, project, "Robot")
    assert theirs is not None
    admin = await create_admin_key(elsewhere, owner, "automation")
    revoked = await create_key(db, elsewhere.pepper, owner, project, "other")
    await gateway.refuses_in_time(revoked.secret, lambda: revoke_key(db, owner, project, revoked.id))
    await gateway.refuses_in_time(admin.secret, lambda: revoke_admin_key(db, owner, admin.key.id))
    await gateway.refuses_in_time(
        theirs.secret, lambda: delete_service_account(db, owner, project, account.id)
    )
    await gateway.refuses_in_time(tenant.key.secret, lambda: archive_project(db, owner, project))


async def test_a_lower_role_and_a_permission_hold_within_half_a_second(
    gateway: Gateway, elsewhere: Accounts, tenant: FirstTenant
) -> None:
    db, owner = elsewhere.db, tenant.owner
    invite = await create_invite(db, owner, "ann@example.org", "owner")
    ann = await accept_invite(db, owner, invite.id, "Ann")
    key = await create_admin_key(elsewhere, owner, "automation")

    async def as_owner() -> bool:
        return (await gateway.authenticator.authenticate_admin(key.secret)).role == "owner"

    async def may_all() -> bool:
        return (await gateway.authenticator.authenticate(tenant.key.secret)).models is None

    only = ModelPermission("allow_list", frozenset({"smollm2"}))
    await gateway.holds_in_time(may_all, lambda: set_model_permission(db, owner, tenant.project_id, only))
    await gateway.holds_in_time(as_owner, lambda: update_user(db, owner, owner.user_id, "reader"))
    assert ann


async def test_a_key_ends_at_its_moment_though_nothing_changes(gateway: Gateway, tenant: FirstTenant) -> None:
    db, pepper = gateway.accounts.db, gateway.accounts.pepper
    key = await create_key(db, pepper, tenant.owner, tenant.project_id, "short", expires_in=3_600)
    end = datetime.now(UTC) + timedelta(seconds=0.3)
    async with db.transaction() as session:
        await session.execute(update(ApiKey).where(ApiKey.id == key.id).values(expires_at=end))
    while await gateway.passes(key.secret):
        assert datetime.now(UTC) < end + timedelta(seconds=1)
        await asyncio.sleep(0.01)
    assert datetime.now(UTC) >= end


async def test_a_new_key_works_at_once_though_it_was_refused(
    gateway: Gateway, elsewhere: Accounts, tenant: FirstTenant
) -> None:
    await gateway.refuses_in_time(
        tenant.key.secret,
        lambda: archive_project(elsewhere.db, tenant.owner, tenant.project_id),
    )
    async with elsewhere.db.transaction() as session:
        await session.execute(update(Project).values(archived_at=None))
    assert await gateway.passes(tenant.key.secret)
