"""What every kind of database must do, on real ones: one writer at a time, whole transactions, migrations."""

import asyncio
import importlib
import pkgutil
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

import sayso
from sayso.db.base import Base
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError, StorageUnavailable

for module in pkgutil.walk_packages(sayso.__path__, "sayso."):
    if module.name.endswith(("tables", "_table")):
        importlib.import_module(module.name)

WRITER = """
import asyncio, sys
from sqlalchemy import text
from sayso.db.session import Database

async def main(url, count):
    async with Database.open(url) as db:
        for _ in range(count):
            async with db.transaction() as session:
                total = await session.scalar(text("SELECT value FROM total"))
                await session.execute(text("UPDATE total SET value = :value"), {"value": total + 1})

asyncio.run(main(sys.argv[1], int(sys.argv[2])))
"""

OLD_ROWS = (
    "INSERT INTO organizations (id, slug, name, created_at) VALUES ('org_1', 'default', 'Ours', :at)",
    "INSERT INTO projects (id, organization_id, name, created_at) VALUES ('proj_1', 'org_1', 'P', :at)",
    "INSERT INTO api_keys "
    "(id, project_id, name, lookup_id, digest, redacted_value, created_at, last_used_at, revoked_at) "
    "VALUES ('key_1', 'proj_1', 'k', 'abc', :digest, 'sk-…', :at, NULL, :at)",
)

MIGRATE = """
import asyncio, sys
from sayso.db.migrate import migrate
from sayso.db.session import Database

async def main(url):
    async with Database.open(url) as db:
        await migrate(db)

asyncio.run(main(sys.argv[1]))
"""


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        yield database


async def run(*arguments: str) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, *arguments, stderr=asyncio.subprocess.PIPE)
    _, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()


async def make(db: Database, *statements: str) -> None:
    async with db.transaction() as session:
        for statement in statements:
            await session.execute(text(statement))


async def lines(db: Database) -> list[int]:
    async with db.read() as session:
        return list(await session.scalars(text("SELECT n FROM line ORDER BY n")))


async def test_a_transaction_is_kept_or_undone_whole(db: Database) -> None:
    await make(db, "CREATE TABLE line (n INTEGER)", "INSERT INTO line VALUES (1)")

    async def fail() -> None:
        async with db.transaction() as session:
            await session.execute(text("INSERT INTO line VALUES (2)"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert await lines(db) == [1]


async def test_a_read_sees_one_state_and_can_not_write(db: Database) -> None:
    await make(db, "CREATE TABLE line (n INTEGER)")
    async with db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM line")) == 0
        await make(db, "INSERT INTO line VALUES (1)")
        assert await session.scalar(text("SELECT count(*) FROM line")) == 0
    with pytest.raises(DBAPIError, match=r"read-?only"):
        async with db.read() as session:
            await session.execute(text("INSERT INTO line VALUES (2)"))
    assert await lines(db) == [1]


async def test_a_transaction_in_a_transaction_is_refused(db: Database) -> None:
    async with db.transaction():
        with pytest.raises(RuntimeError, match="already"):
            async with db.transaction():
                pass
    async with db.transaction():
        pass


async def test_a_cancelled_writer_lets_the_next_one_write(db: Database) -> None:
    await make(db, "CREATE TABLE line (n INTEGER)")
    inside = asyncio.Event()

    async def write() -> None:
        async with db.transaction() as session:
            await session.execute(text("INSERT INTO line VALUES (1)"))
            inside.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await make(db, "INSERT INTO line VALUES (2)")
    assert await lines(db) == [2]


async def test_tasks_processes_and_threads_take_turns(db: Database, database_url: str) -> None:
    """Read-then-write from two processes, two tasks and a thread's own connection loses no increment."""
    await make(db, "CREATE TABLE total (value INTEGER)", "INSERT INTO total VALUES (0)")

    async def write() -> None:
        for _ in range(20):
            async with db.transaction() as session:
                total = await session.scalar(text("SELECT value FROM total"))
                await session.execute(text("UPDATE total SET value = :value"), {"value": total + 1})

    def write_in_a_thread() -> None:
        engine = db.sync_engine()
        for _ in range(20):
            with engine.begin() as connection:
                total = connection.scalar(text("SELECT value FROM total"))
                connection.execute(text("UPDATE total SET value = :value"), {"value": total + 1})
        engine.dispose()

    async def look() -> None:
        seen = 0
        while seen < 120:
            async with db.read() as session:
                now = await session.scalar(text("SELECT value FROM total"))
            assert isinstance(now, int)
            assert now >= seen
            seen = now

    processes = [run("-c", WRITER, database_url, "30") for _ in range(2)]
    await asyncio.gather(*processes, write(), write(), asyncio.to_thread(write_in_a_thread), look())
    async with db.read() as session:
        assert await session.scalar(text("SELECT value FROM total")) == 120
        if db.kind == "sqlite":
            assert await session.scalar(text("PRAGMA integrity_check")) == "ok"


async def test_the_migrations_make_the_tables_of_the_code(db: Database) -> None:
    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)

    await migrate(db)
    async with db.transaction() as session:
        assert await (await session.connection()).run_sync(differences) == []
    await migrate(db)


async def test_a_migration_that_fails_leaves_nothing(db: Database) -> None:
    await make(db, "CREATE TABLE api_keys (n INTEGER)")
    with pytest.raises(DBAPIError, match="already exists"):
        await migrate(db)
    with pytest.raises(DBAPIError, match="organizations"):
        async with db.read() as session:
            await session.execute(text("SELECT * FROM organizations"))


async def test_processes_that_start_at_once_take_turns(db: Database, database_url: str) -> None:
    await asyncio.gather(*(run("-c", MIGRATE, database_url) for _ in range(2)))
    async with db.read() as session:
        assert await session.scalar(text("SELECT count(*) FROM api_keys")) == 0


async def test_a_newer_database_is_refused(db: Database) -> None:
    await migrate(db)
    await make(db, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigurationError, match="newer version of sayso"):
        await migrate(db)


async def test_old_rows_stay(db: Database) -> None:
    """Rows of the first schema, written as the first release wrote them, are there after all migrations."""
    moment = datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
    await migrate(db, "0001")
    stored = moment if db.kind == "postgresql" else "2026-03-01 12:30:00.123456"
    async with db.transaction() as session:
        for statement in OLD_ROWS:
            await session.execute(text(statement), {"at": stored, "digest": b"d" * 32})
    await migrate(db)
    tables = Base.metadata.tables
    async with db.read() as session:
        for name, key in (("organizations", "org_1"), ("projects", "proj_1"), ("api_keys", "key_1")):
            row = (await session.execute(tables[name].select())).mappings().one()
            assert row["id"] == key
            assert row["created_at"] == moment
        assert (row["digest"], row["revoked_at"], row["last_used_at"]) == (b"d" * 32, moment, None)


async def test_a_database_that_is_well_says_so(db: Database) -> None:
    assert await db.failure() == ""


async def test_a_busy_database_is_unavailable_not_broken(
    db: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso.db.sqlite.BUSY_SECONDS", 0.1)
    monkeypatch.setattr("sayso.db.postgresql.TURN_SECONDS", 0.1)
    async with Database.open(database_url) as other:
        async with db.transaction():
            with pytest.raises(StorageUnavailable):
                async with other.transaction():
                    pass
        async with other.transaction():
            pass
