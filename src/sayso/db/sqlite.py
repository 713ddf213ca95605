"""Which SQLite library to use, and how its connections are set up.

Releases 3.7.0 to 3.51.2 can lose commits when a write-ahead log is reset while another connection writes
(https://sqlite.org/wal.html#the_wal_reset_bug); 3.44.6 and 3.50.7 carry the fix, and 3.52.0 was withdrawn.
The library that Python links is often one of those, so `pysqlite3` brings a good one where it has wheels.
Without a good one the database keeps a rollback journal, which has no such fault and commits more slowly.

Two copies of SQLite in one process must not open one file: when one closes it, the other's locks are gone
(https://sqlite.org/howtocorrupt.html). So everything in this process opens a database with `driver()`.
"""

import importlib
import importlib.util
import os
import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Literal

import aiosqlite
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.dialects.sqlite.aiosqlite import AsyncAdapt_aiosqlite_dbapi
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import QueuePool

from sayso.db.faults import closed_on_failure, translate_faults
from sayso.db.sqlite_thread import Connection as ThreadedConnection
from sayso.errors import ConfigurationError, StorageUnavailable

BUSY_SECONDS = 10.0  # how long a connection waits for another process's lock
CHECKPOINT_SECONDS = 0.05  # how long emptying the write-ahead log waits for readers
JOURNAL_SECONDS = 2.0  # how long others may be in the way of the journal that is wanted
READERS = 4  # connections; a read lasts about a millisecond

Version = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Driver:
    """A DB-API module, the version of its SQLite, and the journal that is safe with it."""

    module: ModuleType
    version: Version
    journal: Literal["wal", "truncate"]


def resets_wal_safely(version: Version) -> bool:
    """Tell whether this SQLite is free of the write-ahead log's reset race."""
    if version >= (3, 51, 3):
        return version != (3, 52, 0)
    return version < (3, 7, 0) or (3, 50, 7) <= version < (3, 51, 0) or (3, 44, 6) <= version < (3, 45, 0)


def choose(candidates: list[ModuleType]) -> Driver:
    """Return the first candidate that may keep a write-ahead log, else the first of all without one."""
    for module in candidates:
        if resets_wal_safely(module.sqlite_version_info):
            return Driver(module, module.sqlite_version_info, "wal")
    return Driver(candidates[0], candidates[0].sqlite_version_info, "truncate")


@cache
def driver() -> Driver:
    """Return the one SQLite that this process uses."""
    candidates: list[ModuleType] = [sqlite3]
    if importlib.util.find_spec("pysqlite3"):
        candidates.append(importlib.import_module("pysqlite3.dbapi2"))
    return choose(candidates)


def own_file(url: URL) -> URL:
    """Return `url` with an absolute path; make the file, readable by its owner alone, where it is missing.

    Raises `ConfigurationError` for a database in memory and for a folder that can not be written.
    """
    if not url.database or ":memory:" in url.database:
        raise ConfigurationError("setting 'database_url': a SQLite database needs a file")
    path = Path(url.database).absolute()
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its journals the mode of the database itself.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigurationError(f"can not write the database '{path}': {error.strerror}") from None
    return url.set(database=str(path))


def async_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    """Return an engine over the file that `url` names: one connection that writes, or a few that only read.

    Transactions begin at once with the write lock, or deferred for reading.
    """
    chosen = driver()
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        module=_adapted(chosen.module, read_only=read_only),
        pool_size=READERS if read_only else 1,
        **_options(),
    )
    _prepare(engine.sync_engine, chosen, read_only=read_only)
    return engine


def sync_engine(url: URL, *, read_only: bool = False) -> Engine:
    """Return an engine of one connection that writes, or only reads, for a thread of its own."""
    chosen = driver()
    engine = create_engine(
        url.set(drivername="sqlite"), module=chosen.module, poolclass=QueuePool, pool_size=1, **_options()
    )
    _prepare(engine, chosen, read_only=read_only)
    return engine


def clear_log(url: URL) -> bool:
    """Move the write-ahead log into the database and empty it; False where others were in the way.

    Waits for nobody for longer than a moment, because writers wait meanwhile. Raises `StorageUnavailable`.
    """
    module = driver().module
    try:
        with closing(module.connect(url.database, isolation_level=None, timeout=CHECKPOINT_SECONDS)) as log:
            # The first copies what it can beside everybody's work, so that little is left for the second.
            for mode in ("PASSIVE", "TRUNCATE"):
                busy, *_ = log.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            return not busy
    except module.OperationalError as error:
        raise StorageUnavailable from error


def unavailable(error: BaseException, *, read_only: bool) -> bool:
    """Tell whether the file or its disk was in the way, rather than asked for something wrong."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return False
    # A connection that may only read says the same of every write: that is a mistake of ours.
    return code & 0xFF in (_OUT_OF_ORDER if read_only else {*_OUT_OF_ORDER, sqlite3.SQLITE_READONLY})


_OUT_OF_ORDER = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
        # What a disk that can not be read comes to, besides a database that is damaged indeed.
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_NOTADB,
    }
)


def _options() -> dict[str, Any]:
    return {
        # The driver stays out of transactions: they begin in `begin` below.
        "connect_args": {"isolation_level": None, "timeout": BUSY_SECONDS, "check_same_thread": False},
        "max_overflow": 0,
        "hide_parameters": True,
    }


def _prepare(engine: Engine, chosen: Driver, *, read_only: bool) -> None:
    translate_faults(engine, partial(unavailable, read_only=read_only))

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        with closed_on_failure(connection):
            _set_up(connection, chosen, read_only=read_only)

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if not read_only and chosen.journal == "wal":  # with another journal, less might corrupt
            _wait_for_disk(connection, not connection.get_execution_options().get("sayso_relaxed"))
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")


def _wait_for_disk(connection: Connection, wait: bool) -> None:
    """Have the commits of this connection wait for the disk, or not."""
    if connection.info.get("sayso_waits", True) != wait:
        connection.exec_driver_sql(f"PRAGMA synchronous = {'FULL' if wait else 'NORMAL'}")
        connection.info["sayso_waits"] = wait


def _adapted(module: ModuleType, *, read_only: bool) -> AsyncAdapt_aiosqlite_dbapi:
    """Make SQLAlchemy's aiosqlite dialect work with another module than the standard library's."""

    def connect(database: str, **options: Any) -> aiosqlite.Connection:
        return ThreadedConnection(lambda: module.connect(database, **options), reads=read_only)

    shim = SimpleNamespace(
        **{name: getattr(module, name) for name in dir(module) if not name.startswith("__")}
        | {"connect": connect, "Connection": aiosqlite.Connection, "__version__": aiosqlite.__version__}
    )
    return AsyncAdapt_aiosqlite_dbapi(shim, module)  # type: ignore[arg-type]


def _set_up(connection: Any, chosen: Driver, *, read_only: bool) -> None:
    cursor = connection.cursor()
    try:
        for pragma in ("synchronous = FULL", "foreign_keys = ON", "secure_delete = ON"):
            cursor.execute(f"PRAGMA {pragma}")
        _set_journal(cursor, chosen)
        if read_only:
            cursor.execute("PRAGMA query_only = ON")
    finally:
        cursor.close()


def _set_journal(cursor: Any, chosen: Driver) -> None:
    """Have the database keep the chosen journal. Raises `ConfigurationError` where others keep another."""
    deadline = time.monotonic() + JOURNAL_SECONDS
    while not _keeps_journal(cursor, chosen):
        if time.monotonic() >= deadline:
            version = ".".join(map(str, chosen.version))
            raise ConfigurationError(
                "the database is in use by a process whose SQLite keeps another journal than "
                f"{version} may: run both from one installation"
            )
        time.sleep(0.02)  # of processes that start at once one changes it, and SQLite lets nobody wait


def _keeps_journal(cursor: Any, chosen: Driver) -> bool:
    cursor.execute("PRAGMA journal_mode")
    if cursor.fetchone()[0] == chosen.journal:
        return True
    try:
        cursor.execute(f"PRAGMA journal_mode = {chosen.journal}")
        return bool(cursor.fetchone()[0] == chosen.journal)
    except chosen.module.OperationalError:  # locked: to change it takes the file for oneself
        return False
