"""SQLite for an event loop: only what may wait for the file goes to the connection's thread.

aiosqlite sends every call there and back. A short read is eight of them: three to begin it, four for its one
statement, one to end it; together they take far longer than the statement.

Its thread also ends, with what it was still given undone, when the loop of a call is closed before the call
has run: a command's last task, given up as the command ended. Here the answer is dropped, and the thread goes
on until it is told to stop.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeAlias

import aiosqlite
from aiosqlite.core import _STOP_RUNNING_SENTINEL as STOP
from aiosqlite.core import set_exception, set_result

from sayso.db.loop_calls import call_in_loop

AT_ONCE = 64  # rows that come back with their statement

Calls: TypeAlias = "SimpleQueue[tuple[asyncio.Future[Any] | None, Callable[[], Any]]]"


class Connection(aiosqlite.Connection):
    """aiosqlite's, of a connection that any thread may use, one at a time; `reads`: it is only read from."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], *, reads: bool) -> None:
        super().__init__(connector, iter_chunk_size=AT_ONCE)
        self._thread = Thread(target=_run_calls, args=(self._tx,), name="SQLite connection")
        self._reads = reads
        self._given = 0  # calls, to the thread: the loop's own count
        self._done = 0  # the thread's

    @property
    def at_hand(self) -> bool:
        """Whether a call that waits for nothing may be made here: what was given up may still run there."""
        return self._reads and self._given == self._done

    def cursor(self) -> "Cursor":  # type: ignore[override]
        """Return a new cursor."""
        return Cursor(self, self._conn.cursor())

    async def rollback(self) -> None:
        """Roll back; who has only read lets go of shared memory, which takes no time."""
        if self.at_hand:
            self._conn.rollback()
        else:
            await super().rollback()

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        def run() -> Any:
            try:
                return fn(*args, **kwargs)
            finally:
                self._done += 1

        self._given += 1
        return await super()._execute(run)  # type: ignore[no-untyped-call]


class Cursor(aiosqlite.Cursor):
    """aiosqlite's, whose statements bring their first rows along."""

    def __init__(self, connection: Connection, cursor: sqlite3.Cursor) -> None:
        super().__init__(connection, cursor)
        self._at = connection
        self._rows: list[Any] = []
        self._more = False

    async def execute(self, sql: str, parameters: Iterable[Any] | None = None) -> "Cursor":
        """Run a statement; beginning to read takes no lock yet."""
        if sql == "BEGIN" and self._at.at_hand:
            self._cursor.execute(sql)
        else:
            self._rows = await self._execute(self._run, sql, parameters or ())  # type: ignore[no-untyped-call]
            self._more = len(self._rows) == AT_ONCE
        return self

    async def fetchone(self) -> Any:
        """Return the next row, None behind the last."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> list[Any]:
        """Return up to so many rows more."""
        wanted = self.arraysize if size is None else size
        if self._more and len(self._rows) < wanted:
            self._rows += await self._execute(self._cursor.fetchmany, wanted - len(self._rows))  # type: ignore[no-untyped-call]
            self._more = len(self._rows) == wanted
        rows, self._rows = self._rows[:wanted], self._rows[wanted:]
        return rows

    async def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        if self._more:
            self._rows += await self._execute(self._cursor.fetchall)  # type: ignore[no-untyped-call]
            self._more = False
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Close the cursor; one that has given all its rows holds nothing."""
        if self._at.at_hand:
            self._cursor.close()
        else:
            await super().close()

    def _run(self, sql: str, parameters: Iterable[Any]) -> list[Any]:
        self._cursor.execute(sql, parameters)  # type: ignore[arg-type]
        return self._cursor.fetchmany(AT_ONCE) if self._cursor.description else []


def _run_calls(calls: Calls) -> None:
    while _run_call(*calls.get()) is not STOP:
        pass


def _run_call(asked: asyncio.Future[Any] | None, call: Callable[[], Any]) -> object:
    result, error = None, None
    try:
        result = call()
    except BaseException as caught:  # noqa: BLE001 - who asked is told
        error = caught
    if asked is not None and error is not None:
        call_in_loop(asked.get_loop(), set_exception, asked, error)
    elif asked is not None:
        call_in_loop(asked.get_loop(), set_result, asked, result)
    return result
