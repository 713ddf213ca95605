"""What holds for PostgreSQL alone: its defaults change nothing, and lost connections are replaced."""

import asyncio
import signal
import time

import pytest
from sqlalchemy import text

from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError, InvalidRequest, StorageUnavailable
from tests.postgresql_server import PASSWORD, PostgresqlServer, binaries, running_postgresql


async def setting(db: Database, name: str, *, reading: bool) -> object:
    async with db.read() if reading else db.transaction() as session:
        return await session.scalar(text("SELECT current_setting(:name)"), {"name": name})


@pytest.mark.parametrize("reading", [False, True])
async def test_the_defaults_of_the_database_do_not_matter(
    postgresql_server: PostgresqlServer, reading: bool
) -> None:
    url = postgresql_server.new_database()
    async with Database.open(url) as db, db.transaction() as session:
        for change in (
            "default_transaction_isolation = 'serializable'",
            "default_transaction_read_only = on",
            "statement_timeout = 0",
            "synchronous_commit = off",
        ):
            name = await session.scalar(text("SELECT current_database()"))
            await session.execute(text(f"ALTER DATABASE {name} SET {change}"))
    async with Database.open(url) as db:
        isolation = "repeatable read" if reading else "read committed"
        assert await setting(db, "transaction_isolation", reading=reading) == isolation
        assert await setting(db, "transaction_read_only", reading=reading) == ("on" if reading else "off")
        assert await setting(db, "statement_timeout", reading=reading) == "30s"
        idle = "5min" if reading else "10s"
        assert await setting(db, "idle_in_transaction_session_timeout", reading=reading) == idle
        if not reading:
            assert await setting(db, "synchronous_commit", reading=False) == "on"


async def test_the_options_of_the_url_stay(postgresql_server: PostgresqlServer) -> None:
    url = postgresql_server.new_database() + "&options=-csearch_path%3Dours&application_name=mine"
    async with Database.open(url) as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE SCHEMA ours"))
        await migrate(db)
        async with db.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM ours.organizations")) == 0
        assert await setting(db, "application_name", reading=True) == "mine"


@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg", "postgresql+asyncpg"])
async def test_every_common_form_of_url_works(postgresql_server: PostgresqlServer, scheme: str) -> None:
    url = postgresql_server.new_database().replace("postgresql", scheme, 1)
    async with Database.open(url) as db:
        assert await db.failure() == ""


async def test_lost_connections_are_replaced_unnoticed(postgresql_server: PostgresqlServer) -> None:
    async with Database.open(postgresql_server.new_database()) as db:
        for _ in range(2):
            assert await setting(db, "transaction_read_only", reading=True) == "on"
            assert await setting(db, "transaction_read_only", reading=False) == "off"
            await asyncio.to_thread(postgresql_server.end_connections)


async def test_a_connection_lost_in_the_middle_is_told(postgresql_server: PostgresqlServer) -> None:
    async with Database.open(postgresql_server.new_database()) as db:

        async def write() -> None:
            async with db.transaction() as session:
                await asyncio.to_thread(postgresql_server.end_connections)
                await session.execute(text("SELECT 1"))

        with pytest.raises(StorageUnavailable):
            await write()
        assert await setting(db, "transaction_read_only", reading=False) == "off"


async def test_a_server_that_hangs_is_given_up_within_a_second(postgresql_server: PostgresqlServer) -> None:
    programs = binaries()
    assert programs is not None
    with running_postgresql(programs) as server:
        assert server._process is not None
        async with Database.open(server.over_tcp(server.new_database())) as db:
            server._process.send_signal(signal.SIGSTOP)
            try:
                begun = time.monotonic()
                assert await db.failure() != ""
                assert time.monotonic() - begun < 1.5
            finally:
                server._process.send_signal(signal.SIGCONT)
            assert await db.failure() == ""


async def test_what_keeps_it_from_starting_is_said_without_the_password(
    postgresql_server: PostgresqlServer,
) -> None:
    url = postgresql_server.over_tcp(postgresql_server.new_database())
    cases = {
        f"postgresql://sayso:{PASSWORD}@127.0.0.1:1/sayso": "port 1 failed",
        url.rpartition("/")[0] + "/nowhere": "does not exist",
        url.replace(PASSWORD, "wr0ng"): "password authentication failed",
        url + "?nonsense=1": "nonsense",
    }
    for wrong, said in cases.items():
        async with Database.open(wrong) as db:
            with pytest.raises(ConfigurationError, match="database_url") as caught:
                await migrate(db)
        assert said in caught.value.message
        assert PASSWORD not in caught.value.message
        assert "wr0ng" not in caught.value.message


def test_a_url_that_is_none_is_not_repeated() -> None:
    for wrong in ("postgresql://sayso:s3cret@host:s3cret/x", "postgresql://sayso:s3cret@[::1/x"):
        with pytest.raises(ConfigurationError, match="database_url") as caught:
            Database.open(wrong)
        assert "s3cret" not in caught.value.message
        assert caught.value.__suppress_context__


async def test_what_the_database_says_is_passed_on_without_the_password() -> None:
    async with Database.open(f"postgresql://sayso:{PASSWORD}@127.0.0.1/sayso") as db:
        failure = StorageUnavailable()
        failure.__cause__ = RuntimeError(f"no answer to {PASSWORD}")
        assert db.reason(failure) == "no answer to ***"


@pytest.mark.parametrize("value", ["a\x00b", "x" * 300])
async def test_a_value_that_can_not_be_kept_is_the_callers_mistake(
    postgresql_server: PostgresqlServer, value: str
) -> None:
    async with Database.open(postgresql_server.new_database()) as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE line (name VARCHAR(256))"))

        async def write() -> None:
            async with db.transaction() as session:
                await session.execute(text("INSERT INTO line VALUES (:name)"), {"name": value})

        with pytest.raises(InvalidRequest, match="too long"):
            await write()
