"""A database comes to the code's schema, once, whoever starts first."""

import asyncio
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, text

import sayso.billing.invoice_tables
import sayso.billing.tables
import sayso.tenancy.audit
import sayso.tenancy.key_lookup  # noqa: F401 - registers its tables
from sayso.db.base import Base
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError

MIGRATE = """
import asyncio, sys
from sayso.db.migrate import migrate
from sayso.db.session import Database

async def main(url):
    async with Database.open(url) as db:
        await migrate(db)

asyncio.run(main(sys.argv[1]))
"""


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'sayso.db'}"


async def schema(db: Database) -> list[str]:
    async with db.read() as session:
        return list(
            await session.scalars(text("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY sql"))
        )


async def test_the_migrations_make_the_tables_of_the_code(tmp_path: Path) -> None:
    def differences(connection: Connection) -> object:
        return compare_metadata(MigrationContext.configure(connection), Base.metadata)

    async with Database.open(url_of(tmp_path)) as db:
        await migrate(db)
        async with db.transaction() as session:
            assert await (await session.connection()).run_sync(differences) == []


async def test_a_second_time_changes_nothing(tmp_path: Path) -> None:
    async with Database.open(url_of(tmp_path)) as db:
        await migrate(db)
        before = await schema(db)
        assert any("api_keys" in line for line in before)
        await migrate(db)
        assert await schema(db) == before


async def test_processes_that_start_at_once_take_turns(tmp_path: Path) -> None:
    async def start() -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", MIGRATE, url_of(tmp_path), stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
        assert process.returncode == 0, errors.decode()

    await asyncio.gather(*(start() for _ in range(4)))
    async with Database.open(url_of(tmp_path)) as db:
        assert any("api_keys" in line for line in await schema(db))


async def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    async with Database.open(url_of(tmp_path)) as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE api_keys (n INTEGER)"))
        with pytest.raises(Exception, match="already exists"):
            await migrate(db)
        assert [line for line in await schema(db) if "organizations" in line] == []


async def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    async with Database.open(url_of(tmp_path)) as db:
        await migrate(db)
        async with db.transaction() as session:
            await session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        with pytest.raises(ConfigurationError, match="newer version of sayso"):
            await migrate(db)


async def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "sayso.db").write_bytes(b"hello, this is no database " * 100)
    async with Database.open(url_of(tmp_path)) as db:
        with pytest.raises(ConfigurationError, match="not a database"):
            await migrate(db)
