"""Keys against a real database: made, shown once, verified, revoked, and never stored."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import event, text

from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import AuthenticationFailed, ConfigurationError, InvalidRequest, ObjectNotFound
from sayso.ids import KeyId, ProjectId
from sayso.tenancy import key_format
from sayso.tenancy.api_keys import create_key, list_keys, revoke_key
from sayso.tenancy.authentication import Authenticator, check_headers
from sayso.tenancy.pass_cache import CACHE_SECONDS
from sayso.tenancy.pepper import FILE_NAME, open_pepper
from sayso.tenancy.service import FirstTenant, default_project, ensure_first_tenant

REVOKE = """
import asyncio, sys
from sayso.db.session import Database
from sayso.tenancy.api_keys import revoke_key
from sayso.tenancy.service import default_project

async def main(url, project_id, key_id):
    async with Database.open(url) as db:
        await revoke_key(db, (await default_project(db)).operator, project_id, key_id)

asyncio.run(main(*sys.argv[1:]))
"""


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'sayso.db'}"


def contents_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(url_of(tmp_path)) as database:
        await migrate(database)
        yield database


@pytest.fixture
async def pepper(db: Database, tmp_path: Path) -> bytes:
    return await open_pepper(db, tmp_path)


@pytest.fixture
async def first(db: Database, pepper: bytes) -> FirstTenant:
    made = await ensure_first_tenant(db, pepper)
    assert made is not None
    return made


class Clock:
    """A monotonic clock that stands still until told."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_the_first_start_makes_one_tenant(db: Database, pepper: bytes) -> None:
    made = [one for one in await asyncio.gather(*(ensure_first_tenant(db, pepper) for _ in range(5))) if one]
    assert len(made) == 1
    assert await ensure_first_tenant(db, pepper) is None
    assert (await default_project(db)).id == made[0].project_id
    authenticator = Authenticator(db, pepper)
    caller = await authenticator.authenticate(made[0].key.secret)
    assert (caller.org_id, caller.project_id, caller.key_id) == (
        made[0].org_id,
        made[0].project_id,
        made[0].key.id,
    )
    assert authenticator.organization_slug(caller) == "default"


async def test_a_key_may_come_before_the_first_start(db: Database, pepper: bytes) -> None:
    project = await default_project(db)
    key = await create_key(db, pepper, project.operator, project.id, "script")
    assert await ensure_first_tenant(db, pepper) is None
    assert (await Authenticator(db, pepper).authenticate(key.secret)).key_id == key.id


async def test_a_new_key_works_at_once(db: Database, pepper: bytes, first: FirstTenant) -> None:
    authenticator = Authenticator(db, pepper)
    await authenticator.authenticate(first.key.secret)
    for turn in range(3):
        key = await create_key(db, pepper, first.owner, first.project_id, f"k{turn}")
        assert (await authenticator.authenticate(key.secret)).key_id == key.id
    assert [key.name for key in await list_keys(db, first.org_id, first.project_id)] == [
        "default",
        "k0",
        "k1",
        "k2",
    ]


async def test_a_revoked_key_passes_for_half_a_second_at_most(
    db: Database, pepper: bytes, first: FirstTenant
) -> None:
    clock = Clock()
    authenticator = Authenticator(db, pepper, clock=clock)
    await authenticator.authenticate(first.key.secret)
    revoked = await revoke_key(db, first.owner, first.project_id, first.key.id)
    assert revoked.revoked_at is not None
    clock.now += CACHE_SECONDS - 0.01
    await authenticator.authenticate(first.key.secret)
    clock.now += 0.01
    for _ in range(2):
        with pytest.raises(AuthenticationFailed) as caught:
            await authenticator.authenticate(first.key.secret)
        assert caught.value.code == "invalid_api_key"
    again = await revoke_key(db, first.owner, first.project_id, first.key.id)
    assert again.revoked_at == revoked.revoked_at


async def test_revocation_in_another_process_holds_within_a_second(
    tmp_path: Path, db: Database, pepper: bytes, first: FirstTenant
) -> None:
    async with Database.open(url_of(tmp_path)) as second:
        gateways = [Authenticator(db, pepper), Authenticator(second, pepper)]

        async def last_accepted(gateway: Authenticator) -> float:
            accepted = 0.0
            while True:
                try:
                    await gateway.authenticate(first.key.secret)
                except AuthenticationFailed:
                    return accepted
                accepted = time.monotonic()
                await asyncio.sleep(0.005)

        watching = [asyncio.create_task(last_accepted(gateway)) for gateway in gateways]
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", REVOKE, url_of(tmp_path), first.project_id, first.key.id
        )
        assert await process.wait() == 0
        revoked = time.monotonic()
        for accepted in await asyncio.gather(*watching):
            assert accepted > 0
            assert accepted - revoked <= 1.0


async def test_a_bad_checksum_costs_no_read(db: Database, pepper: bytes, first: FirstTenant) -> None:
    statements: list[str] = []

    @event.listens_for(db._reader.sync_engine, "before_cursor_execute")
    def _note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    authenticator = Authenticator(db, pepper)
    secret = first.key.secret
    swapped = secret[:30] + ("A" if secret[30] != "A" else "B") + secret[31:]
    for wrong in ("", "sk-x", swapped, "x" * 100_000, "' OR 1=1; DROP TABLE api_keys; --", secret + "\n"):
        with pytest.raises(AuthenticationFailed):
            await authenticator.authenticate(wrong)
    assert statements == []
    await authenticator.authenticate(secret)
    assert len([one for one in statements if "api_keys" in one]) == 1


async def test_a_wrong_key_is_refused_without_being_shown(
    db: Database, pepper: bytes, first: FirstTenant
) -> None:
    stranger = key_format.new_key()
    with pytest.raises(AuthenticationFailed) as caught:
        await Authenticator(db, pepper).authenticate(stranger)
    assert caught.value.message == f"Incorrect API key provided: sk-s****{stranger[-4:]}."
    assert caught.value.code == "invalid_api_key"
    assert caught.value.__cause__ is None


async def test_a_key_with_the_same_lookup_part_is_refused(
    db: Database, pepper: bytes, first: FirstTenant
) -> None:
    body = first.key.secret[:21] + key_format.new_key()[21:54]
    with pytest.raises(AuthenticationFailed):
        await Authenticator(db, pepper).authenticate(body + key_format.checksum(body))


async def test_the_key_is_in_no_file(tmp_path: Path, db: Database, pepper: bytes, first: FirstTenant) -> None:
    authenticator = Authenticator(db, pepper)
    await authenticator.authenticate(first.key.secret)
    await authenticator.flush_last_used()
    contents = contents_of(tmp_path)
    assert sum(first.key.id.encode() in content for content in contents.values()) >= 1
    secret = first.key.secret.encode()
    # Not the secret part either, nor its first half.
    for needle in (secret, secret[21:54], secret[21:38], secret[-33:]):
        assert [name for name, content in contents.items() if needle in content] == []


async def test_last_use_is_written_when_flushed(db: Database, pepper: bytes, first: FirstTenant) -> None:
    authenticator = Authenticator(db, pepper)
    for _ in range(3):
        await authenticator.authenticate(first.key.secret)
    (before,) = await list_keys(db, first.org_id, first.project_id)
    assert before.last_used_at is None
    await authenticator.flush_last_used()
    (after,) = await list_keys(db, first.org_id, first.project_id)
    assert after.last_used_at is not None
    assert after.last_used_at >= after.created_at
    await authenticator.flush_last_used()
    assert await list_keys(db, first.org_id, first.project_id) == (after,)


async def test_a_strangers_key_is_not_found(db: Database, pepper: bytes, first: FirstTenant) -> None:
    with pytest.raises(ObjectNotFound) as foreign:
        await revoke_key(db, first.owner, ProjectId("proj_other"), first.key.id)
    with pytest.raises(ObjectNotFound):
        await revoke_key(db, first.owner, first.project_id, KeyId("key_none"))
    assert "No API key found" in foreign.value.message
    assert await list_keys(db, first.org_id, ProjectId("proj_other")) == ()
    with pytest.raises(ObjectNotFound):
        await create_key(db, pepper, first.owner, ProjectId("proj_other"), "k")
    await Authenticator(db, pepper).authenticate(first.key.secret)


@pytest.mark.parametrize("name", ["", "  ", "x" * 257])
async def test_a_key_needs_a_name(db: Database, pepper: bytes, first: FirstTenant, name: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        await create_key(db, pepper, first.owner, first.project_id, name)
    assert caught.value.param == "name"


async def test_headers_must_match_the_key(db: Database, pepper: bytes, first: FirstTenant) -> None:
    caller = await Authenticator(db, pepper).authenticate(first.key.secret)
    check_headers(caller, None, None)
    check_headers(caller, "", "")
    check_headers(caller, caller.org_id, caller.project_id)
    with pytest.raises(AuthenticationFailed) as organization:
        check_headers(caller, "org_other", caller.project_id)
    assert organization.value.code == "mismatched_organization"
    with pytest.raises(AuthenticationFailed) as project:
        check_headers(caller, caller.org_id, "proj_other")
    assert project.value.code == "mismatched_project"


async def test_the_cache_is_bounded(
    db: Database, pepper: bytes, first: FirstTenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso.tenancy.pass_cache.CACHE_ENTRIES", 2)
    authenticator = Authenticator(db, pepper, clock=Clock())
    keys = [(await create_key(db, pepper, first.owner, first.project_id, f"k{n}")).secret for n in range(4)]
    digests = [key_format.digest(pepper, key) for key in keys]
    for key in (*keys, keys[2]):
        await authenticator.authenticate(key)
    assert list(authenticator._callers._passes) == digests[2:]
    await authenticator.authenticate(keys[0])
    assert list(authenticator._callers._passes) == [digests[3], digests[0]]


async def test_the_pepper_is_made_once(tmp_path: Path, db: Database) -> None:
    made = await asyncio.gather(*(open_pepper(db, tmp_path) for _ in range(4)))
    assert len(set(made)) == 1
    assert len(made[0]) == 32
    path = tmp_path / FILE_NAME
    assert path.stat().st_mode & 0o777 == 0o600
    assert [name for name in contents_of(tmp_path) if name.startswith(".")] == []
    path.chmod(0o644)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        await open_pepper(db, tmp_path)


async def test_a_lost_or_damaged_pepper_is_not_replaced(
    tmp_path: Path, db: Database, first: FirstTenant
) -> None:
    path = tmp_path / FILE_NAME
    path.write_text("abc")
    with pytest.raises(ConfigurationError, match="damaged"):
        await open_pepper(db, tmp_path)
    path.unlink()
    with pytest.raises(ConfigurationError, match="restore it"):
        await open_pepper(db, tmp_path)
    assert not path.exists()


async def test_a_server_with_another_pepper_does_not_start(
    tmp_path: Path, db: Database, first: FirstTenant
) -> None:
    """One database, two data folders: the second must have the first one's secret."""
    other = tmp_path / "other"
    with pytest.raises(ConfigurationError, match="copy it from another server"):
        await open_pepper(db, other)
    assert not (other / FILE_NAME).exists()
    other.mkdir()
    (other / FILE_NAME).write_text("ab" * 32 + "\n")
    (other / FILE_NAME).chmod(0o600)
    with pytest.raises(ConfigurationError, match="none of which would work") as refused:
        await open_pepper(db, other)
    assert "abab" not in refused.value.message
    (other / FILE_NAME).write_bytes((tmp_path / FILE_NAME).read_bytes())
    assert await open_pepper(db, other) == await open_pepper(db, tmp_path)


async def test_of_servers_that_start_at_once_with_different_peppers_one_starts(
    tmp_path: Path, db: Database
) -> None:
    folders = [tmp_path / name for name in ("a", "b", "c")]
    opened = await asyncio.gather(*(open_pepper(db, one) for one in folders), return_exceptions=True)
    assert sum(isinstance(one, bytes) for one in opened) == 1
    assert sum(isinstance(one, ConfigurationError) for one in opened) == 2


async def test_the_fingerprint_of_an_older_databases_pepper_is_learnt(
    tmp_path: Path, db: Database, pepper: bytes, first: FirstTenant
) -> None:
    async with db.transaction() as session:
        await session.execute(text("DELETE FROM key_peppers"))
    assert await open_pepper(db, tmp_path) == pepper
    async with db.read() as session:
        (known,) = await session.scalars(text("SELECT fingerprint FROM key_peppers"))
    assert known not in (pepper.hex(), "")
    assert len(known) == 64


async def test_foreign_keys_hold(db: Database, first: FirstTenant) -> None:
    with pytest.raises(Exception, match="FOREIGN KEY"):
        async with db.transaction() as session:
            await session.execute(text("DELETE FROM projects"))
