"""Admin keys against a real database: the right door, revoked and expired within a second."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from sayso.core.caller import AdminCaller
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import AuthenticationFailed, ObjectNotFound, PermissionRefused
from sayso.tenancy import key_format
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import create_admin_key, get_admin_key, list_admin_keys, revoke_admin_key
from sayso.tenancy.authentication import Authenticator
from sayso.tenancy.key_tables import AdminApiKey
from sayso.tenancy.paging import Cut
from sayso.tenancy.pass_cache import CACHE_SECONDS
from sayso.tenancy.pepper import open_pepper
from sayso.tenancy.service import FirstTenant, add_organization, ensure_first_tenant


class Clock:
    """A monotonic clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def contents_of(folder: Path) -> bytes:
    """Every byte of every file."""
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


@pytest.fixture
async def accounts(tmp_path: Path) -> AsyncIterator[Accounts]:
    async with Database.open(f"sqlite:///{tmp_path / 'sayso.db'}") as db:
        await migrate(db)
        yield Accounts(db, await open_pepper(db, tmp_path))


@pytest.fixture
async def first(accounts: Accounts) -> FirstTenant:
    made = await ensure_first_tenant(accounts.db, accounts.pepper)
    assert made is not None
    return made


async def test_an_admin_key_says_who_it_is(accounts: Accounts, first: FirstTenant) -> None:
    made = await create_admin_key(accounts, first.owner, "automation")
    authenticator = Authenticator(accounts.db, accounts.pepper)
    admin = await authenticator.authenticate_admin(made.secret)
    assert admin == AdminCaller(first.org_id, first.owner.user_id, "owner", made.key.id)
    assert authenticator.organization_slug(admin) == "default"
    await authenticator.flush_last_used()
    assert (await get_admin_key(accounts.db, first.org_id, made.key.id)).last_used_at is not None


async def test_each_kind_of_key_has_its_door(accounts: Accounts, first: FirstTenant) -> None:
    made = await create_admin_key(accounts, first.owner, "automation")
    authenticator = Authenticator(accounts.db, accounts.pepper)
    with pytest.raises(PermissionRefused) as refused:
        await authenticator.authenticate(made.secret)
    assert refused.value.code == "insufficient_permissions"
    with pytest.raises(PermissionRefused):
        await authenticator.authenticate_admin(first.key.secret)
    await revoke_admin_key(accounts.db, first.owner, made.key.id)
    with pytest.raises(AuthenticationFailed):
        await Authenticator(accounts.db, accounts.pepper).authenticate(made.secret)


async def test_a_revoked_admin_key_passes_for_half_a_second_at_most(
    accounts: Accounts, first: FirstTenant
) -> None:
    clock = Clock()
    made = await create_admin_key(accounts, first.owner, "automation")
    authenticator = Authenticator(accounts.db, accounts.pepper, clock=clock)
    await authenticator.authenticate_admin(made.secret)
    await revoke_admin_key(accounts.db, first.owner, made.key.id)
    clock.now += CACHE_SECONDS
    with pytest.raises(AuthenticationFailed) as caught:
        await authenticator.authenticate_admin(made.secret)
    assert caught.value.code == "invalid_api_key"
    with pytest.raises(ObjectNotFound):
        await revoke_admin_key(accounts.db, first.owner, made.key.id)
    assert (await list_admin_keys(accounts.db, first.org_id, Cut())).items == ()


async def test_an_expired_admin_key_is_refused(accounts: Accounts, first: FirstTenant) -> None:
    made = await create_admin_key(accounts, first.owner, "automation", expires_in=60)
    authenticator = Authenticator(accounts.db, accounts.pepper)
    await authenticator.authenticate_admin(made.secret)
    async with accounts.db.transaction() as session:
        await session.execute(update(AdminApiKey).values(expires_at=datetime.now(UTC) - timedelta(seconds=1)))
    with pytest.raises(AuthenticationFailed):
        await Authenticator(accounts.db, accounts.pepper).authenticate_admin(made.secret)


async def test_another_organizations_key_is_unknown(accounts: Accounts, first: FirstTenant) -> None:
    made = await create_admin_key(accounts, first.owner, "automation")
    async with accounts.db.transaction() as session:
        stranger = await add_organization(session, "other", "Other")
    with pytest.raises(ObjectNotFound):
        await get_admin_key(accounts.db, stranger.org_id, made.key.id)
    with pytest.raises(ObjectNotFound):
        await revoke_admin_key(accounts.db, stranger, made.key.id)
    assert (await list_admin_keys(accounts.db, stranger.org_id, Cut())).items == ()


SQL_IN_KEYS = (
    "' OR '1'='1",
    "'; DROP TABLE admin_api_keys; --",
    '" UNION SELECT * FROM api_keys --',
    "sk-sayso-admin-' OR 1=1 --",
    "sk-sayso-admin-" + "%" * 51,
    "sk-sayso-admin-" + "0" * 51,
    "sk-sayso-admin-" + "é" * 51,
    "sk-sayso-admin-" + "0" * 50 + "\0",
)


@pytest.mark.parametrize("presented", SQL_IN_KEYS)
async def test_what_is_no_key_costs_no_read(
    accounts: Accounts, first: FirstTenant, presented: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable() -> None:
        raise AssertionError("the database was asked")

    monkeypatch.setattr(accounts.db, "read", unreachable)
    authenticator = Authenticator(accounts.db, accounts.pepper)
    for verify in (authenticator.authenticate, authenticator.authenticate_admin):
        with pytest.raises(AuthenticationFailed) as caught:
            await verify(presented)
        assert caught.value.code == "invalid_api_key"


async def test_digests_are_compared_in_constant_time(
    accounts: Accounts, first: FirstTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where there is no such key: an unknown lookup part must not answer sooner."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(left: bytes, right: bytes) -> bool:
        compared.append((left, right))
        return left == right

    monkeypatch.setattr("sayso.tenancy.authentication.hmac.compare_digest", compare)
    authenticator = Authenticator(accounts.db, accounts.pepper)
    stranger = key_format.new_key(key_format.ADMIN_PREFIX)
    with pytest.raises(AuthenticationFailed):
        await authenticator.authenticate_admin(stranger)
    with pytest.raises(AuthenticationFailed):
        await authenticator.authenticate(key_format.new_key())
    await authenticator.authenticate(first.key.secret)
    assert len(compared) == 3
    assert compared[0] == (key_format.digest(accounts.pepper, stranger), bytes(32))
    assert compared[2][0] == compared[2][1]


async def test_an_admin_key_is_in_no_file(accounts: Accounts, first: FirstTenant, tmp_path: Path) -> None:
    made = await create_admin_key(accounts, first.owner, "automation")
    await Authenticator(accounts.db, accounts.pepper).authenticate_admin(made.secret)
    contents = contents_of(tmp_path)
    assert made.key.id.encode() in contents
    assert key_format.digest(accounts.pepper, made.secret) in contents
    secret = made.secret.encode()
    for needle in (secret, secret[27:60], secret[27:44], secret[-33:]):
        assert needle not in contents
    assert made.secret not in repr(await list_admin_keys(accounts.db, first.org_id, Cut()))


async def test_two_gateways_take_a_revoked_admin_key_no_longer_than_a_second(
    accounts: Accounts, first: FirstTenant, tmp_path: Path
) -> None:
    made = await create_admin_key(accounts, first.owner, "automation")
    async with Database.open(f"sqlite:///{tmp_path / 'sayso.db'}") as second:
        gateways = [Authenticator(db, accounts.pepper) for db in (accounts.db, second)]
        refused_at: list[float] = []

        async def watch(gateway: Authenticator, seen: asyncio.Event) -> None:
            while True:
                try:
                    await gateway.authenticate_admin(made.secret)
                except AuthenticationFailed:
                    refused_at.append(time.monotonic())
                    return
                seen.set()
                await asyncio.sleep(0.01)

        seen = [asyncio.Event() for _ in gateways]
        watching = [asyncio.create_task(watch(*pair)) for pair in zip(gateways, seen, strict=True)]
        for one in seen:
            await one.wait()
        await revoke_admin_key(accounts.db, first.owner, made.key.id)
        revoked_at = time.monotonic()
        await asyncio.gather(*watching)
    assert len(refused_at) == 2
    assert max(refused_at) - revoked_at <= 1.0
