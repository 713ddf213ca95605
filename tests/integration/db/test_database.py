"""What holds for SQLite alone: the file, its settings and its journal."""

import asyncio
import sqlite3
import stat
import sys
from pathlib import Path

import pytest
from sqlalchemy import text

from sayso.db import sqlite
from sayso.db.faults import closed_on_failure
from sayso.db.session import Database
from sayso.errors import ConfigurationError, StorageUnavailable


def url_of(folder: Path) -> str:
    return f"sqlite:///{folder / 'sayso.db'}"


async def pragma(db: Database, name: str, *, reading: bool = False) -> object:
    async with db.read() if reading else db.transaction() as session:
        return await session.scalar(text(f"PRAGMA {name}"))


@pytest.mark.parametrize("reading", [False, True])
async def test_every_connection_is_set_up(tmp_path: Path, reading: bool) -> None:
    async with Database.open(url_of(tmp_path)) as db:
        assert await pragma(db, "journal_mode", reading=reading) == sqlite.driver().journal
        assert await pragma(db, "synchronous", reading=reading) == 2
        assert await pragma(db, "foreign_keys", reading=reading) == 1
        assert await pragma(db, "secure_delete", reading=reading) == 1
        assert await pragma(db, "busy_timeout", reading=reading) == 10_000
        assert await pragma(db, "query_only", reading=reading) == int(reading)
        version = ".".join(map(str, sqlite.driver().version))
        async with db.read() as session:
            assert await session.scalar(text("SELECT sqlite_version()")) == version


async def test_without_a_good_sqlite_the_same_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = sqlite.Driver(sqlite3, sqlite3.sqlite_version_info, "truncate")
    monkeypatch.setattr(sqlite, "driver", lambda: chosen)
    async with Database.open(url_of(tmp_path)) as db:
        assert await pragma(db, "journal_mode") == "truncate"
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE line (n INTEGER)"))

        async def write() -> None:
            async with db.transaction() as session:
                await session.execute(text("INSERT INTO line VALUES (1)"))

        await asyncio.gather(*(write() for _ in range(20)))
        async with db.read() as session:
            assert await session.scalar(text("SELECT count(*) FROM line")) == 20
    assert not (tmp_path / "sayso.db-wal").exists()


async def test_a_damaged_file_is_storage_that_fails_and_no_fault_of_the_asker(tmp_path: Path) -> None:
    path = tmp_path / "sayso.db"
    async with Database.open(url_of(tmp_path)) as db, db.transaction() as session:
        await session.execute(text("CREATE TABLE line (n INTEGER, t TEXT)"))
        await session.execute(text("INSERT INTO line VALUES (1, :long)"), {"long": "x" * 100_000})
    damaged = bytearray(path.read_bytes())
    damaged[4096:8192] = b"\xff" * 4096  # the table's root
    path.write_bytes(damaged)
    async with Database.open(url_of(tmp_path)) as db:
        with pytest.raises(StorageUnavailable):
            async with db.read() as session:
                await session.scalar(text("SELECT count(*) FROM line"))
        with pytest.raises(StorageUnavailable):
            async with db.transaction() as session:
                await session.execute(text("INSERT INTO line VALUES (2, '')"))
    path.write_bytes(b"no database at all" * 1000)
    async with Database.open(url_of(tmp_path)) as db:
        assert "not a database" in await db.failure()


def test_a_connection_that_can_not_be_set_up_is_closed() -> None:
    connection = sqlite3.connect(":memory:")
    with pytest.raises(LookupError), closed_on_failure(connection):
        raise LookupError
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        connection.execute("SELECT 1")


async def test_whoever_starts_at_the_same_time_is_waited_for(tmp_path: Path) -> None:
    """SQLite itself lets nobody wait who wants another journal while somebody writes."""
    other = sqlite.driver().module.connect(tmp_path / "sayso.db", isolation_level=None)
    other.execute("CREATE TABLE line (n INTEGER)")
    other.execute("BEGIN IMMEDIATE")
    asyncio.get_running_loop().call_later(0.3, other.execute, "COMMIT")
    async with Database.open(url_of(tmp_path)) as db:
        assert await pragma(db, "journal_mode") == sqlite.driver().journal
    other.close()


HOLDER = """
import asyncio, sys
from sqlalchemy import text
from sayso.db.session import Database

async def main(url):
    async with Database.open(url) as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE line (n INTEGER)"))
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main(sys.argv[1]))
"""


@pytest.mark.skipif(sqlite.driver().journal != "wal", reason="needs a SQLite that may keep a write-ahead log")
async def test_a_bad_sqlite_does_not_join_a_write_ahead_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLDER, url_of(tmp_path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"open\n"
    chosen = sqlite.Driver(sqlite3, sqlite3.sqlite_version_info, "truncate")
    monkeypatch.setattr(sqlite, "driver", lambda: chosen)
    monkeypatch.setattr(sqlite, "BUSY_SECONDS", 0.1)
    async with Database.open(url_of(tmp_path)) as db:
        with pytest.raises(ConfigurationError, match="one installation"):
            await pragma(db, "journal_mode")
        await holder.communicate(b"")
        assert await pragma(db, "journal_mode") == "truncate"


async def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    async with Database.open(url_of(folder)) as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE line (n INTEGER)"))
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}


@pytest.mark.parametrize("url", ["", "no url", "sqlite://", "sqlite:///:memory:", "mysql://u:s3cret@h/d"])
def test_other_databases_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="database_url") as caught:
        Database.open(url)
    assert "s3cret" not in caught.value.message


def test_a_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="file/under"):
        Database.open(url_of(tmp_path / "file" / "under"))
