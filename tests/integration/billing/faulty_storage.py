"""A driver whose Nth call fails the way that disks, locks and networks fail."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import psycopg
from psycopg import errors
from sqlalchemy import Engine, event

from sayso.db import sqlite

When = Literal["before", "after"]
T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """An error, and what it leaves: whether the call has worked, the transaction is gone, the connection."""

    name: str
    error: Callable[[], Exception]
    when: When = "before"
    rolls_back: bool = False
    cuts: bool = False


def _sqlite_error(code: int, text: str) -> Callable[[], Exception]:
    def make() -> Exception:
        error = sqlite.driver().module.OperationalError(text)
        error.sqlite_errorcode = code
        assert isinstance(error, Exception)
        return error

    return make


def _reset() -> Exception:
    return psycopg.OperationalError("server closed the connection unexpectedly")


SQLITE_FAULTS = (
    Fault("EIO", _sqlite_error(sqlite3.SQLITE_IOERR, "disk I/O error"), rolls_back=True),
    Fault("EIO, done", _sqlite_error(sqlite3.SQLITE_IOERR, "disk I/O error"), when="after"),
    Fault("ENOSPC", _sqlite_error(sqlite3.SQLITE_FULL, "database or disk is full"), rolls_back=True),
    Fault("busy", _sqlite_error(sqlite3.SQLITE_BUSY, "database is locked")),
    Fault("locked", _sqlite_error(sqlite3.SQLITE_LOCKED, "database table is locked")),
)
POSTGRESQL_FAULTS = (
    Fault("serialization", lambda: errors.SerializationFailure("could not serialize access")),
    Fault("ENOSPC", lambda: errors.DiskFull("could not extend file: No space left on device")),
    Fault("EIO", lambda: errors.IoError("could not read block 0")),
    Fault("reset", _reset, cuts=True),
    Fault("reset, done", _reset, when="after", cuts=True),
)


class Plan:
    """Which call fails, and how; counts the calls that were made."""

    def __init__(self) -> None:
        self.calls = 0
        self.struck = ""
        self._at = 0
        self._fault: Fault | None = None

    def arm(self, at: int, fault: Fault | None) -> None:
        """Let the call number `at` from now fail; None lets all succeed."""
        self.calls, self._at, self._fault, self.struck = 0, at, fault, ""

    def install(self, engine: Engine) -> None:
        """Let the connections that `engine` opens from now on follow this plan."""
        make = _sqlite_connection(self) if engine.dialect.name == "sqlite" else _postgresql_connection(self)

        @event.listens_for(engine, "do_connect")
        def connect(_dialect: object, _record: object, arguments: Any, options: Any) -> Any:
            return self.make("connect", None, lambda: make(*arguments, **options))

    def make(self, name: str, connection: Any, call: Callable[[], T]) -> T:
        """Make a call of the driver, unless it is the one that fails."""
        self.calls += 1
        fault = self._fault
        if fault is None or self.calls != self._at:
            return call()
        self.struck = name
        if fault.when == "after":
            made = call()
            if name == "connect":  # open, and nobody will ever hear of it
                connection = made
        if connection is not None:
            if fault.rolls_back:
                connection.really_roll_back()
            if fault.cuts:
                connection.cut()
        raise fault.error()


def _sqlite_connection(plan: Plan) -> Callable[..., Any]:
    module: Any = sqlite.driver().module

    class Cursor(module.Cursor):  # type: ignore[misc]
        def execute(self, *values: Any) -> Any:
            return plan.make(_verb(values), self.connection, lambda: module.Cursor.execute(self, *values))

        def executemany(self, *values: Any) -> Any:
            return plan.make(_verb(values), self.connection, lambda: module.Cursor.executemany(self, *values))

        def fetchall(self) -> Any:
            return plan.make("fetch", self.connection, lambda: module.Cursor.fetchall(self))

    class Connection(module.Connection):  # type: ignore[misc]
        def cursor(self, factory: Any = Cursor) -> Any:
            return super().cursor(factory)

        def commit(self) -> None:
            plan.make("commit", self, lambda: module.Connection.commit(self))

        def rollback(self) -> None:
            plan.make("rollback", self, self.really_roll_back)

        def really_roll_back(self) -> None:
            module.Connection.rollback(self)

    return lambda *arguments, **options: module.connect(*arguments, factory=Connection, **options)


def _postgresql_connection(plan: Plan) -> Callable[..., Any]:
    class Cursor(psycopg.Cursor[Any]):
        def execute(self, *values: Any, **options: Any) -> Any:
            connection = self.connection
            return plan.make(
                _verb(values), connection, lambda: psycopg.Cursor.execute(self, *values, **options)
            )

        def executemany(self, *values: Any, **options: Any) -> Any:
            connection = self.connection
            return plan.make(
                _verb(values), connection, lambda: psycopg.Cursor.executemany(self, *values, **options)
            )

        def fetchall(self) -> Any:
            return plan.make("fetch", self.connection, lambda: psycopg.Cursor.fetchall(self))

    class Connection(psycopg.Connection[Any]):
        def __init__(self, *values: Any, **options: Any) -> None:
            super().__init__(*values, **options)
            self.cursor_factory = Cursor

        def commit(self) -> None:
            plan.make("commit", self, lambda: psycopg.Connection.commit(self))

        def rollback(self) -> None:
            plan.make("rollback", self, lambda: psycopg.Connection.rollback(self))

        def cut(self) -> None:
            self.pgconn.finish()

    return lambda *arguments, **options: Connection.connect(*arguments, **options)


def _verb(values: tuple[Any, ...]) -> str:
    return str(values[0]).split(maxsplit=1)[0].lower()
