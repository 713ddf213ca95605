"""Reads of SQLite: one trip to the connection's thread each, and a loop that none of them stops."""

import asyncio
import contextlib
import threading
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sayso.db.session import Database
from sayso.db.sqlite import driver
from sayso.db.sqlite_thread import AT_ONCE, Connection

NUMBERS = text(
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :last) SELECT i FROM n"
)
SLOW = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4e6) SELECT max(i) FROM n"


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    made = Database.open(f"sqlite:///{tmp_path / 'a.db'}")
    async with made.transaction() as session:
        await session.execute(text("CREATE TABLE t (a INTEGER)"))
    yield made
    await made.close()


@pytest.mark.parametrize("count", [0, 1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 5 * AT_ONCE])
async def test_rows_come_whole_however_many_they_are(database: Database, count: int) -> None:
    expected = list(range(1, count + 1)) or [1]  # the recursion's first row is always there
    asked = {"last": count}
    async with database.read() as session:
        assert list((await session.scalars(NUMBERS, asked)).all()) == expected
        streamed = await session.stream(NUMBERS, asked)
        assert [number async for (number,) in streamed] == expected
        assert (await session.execute(NUMBERS, asked)).scalars().first() == 1
        assert list((await session.scalars(NUMBERS, asked)).all()) == expected


async def test_a_short_read_is_one_trip_to_the_thread(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.read() as session:
        await session.scalar(NUMBERS, {"last": 3})
    trips = []
    before = Connection._execute

    async def counted(self: Connection, *arguments: object) -> object:
        trips.append(arguments)
        return await before(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "_execute", counted)
    async with database.read() as session:
        assert await session.scalar(NUMBERS, {"last": 3}) == 1
    assert len(trips) == 1


async def test_what_a_caller_gave_up_does_not_stop_the_loop(tmp_path: Path) -> None:
    def connect() -> Any:
        return driver().module.connect(tmp_path / "a.db", isolation_level=None, check_same_thread=False)

    async with Connection(connect, reads=True) as connection:
        cursor: Any = connection.cursor()
        await cursor.execute("BEGIN")
        asking = asyncio.create_task(cursor.execute(SLOW))
        await asyncio.sleep(0.05)
        asking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asking
        begun = time.perf_counter()
        ending = asyncio.gather(cursor.close(), connection.rollback())
        await asyncio.sleep(0)
        stopped = time.perf_counter() - begun
        await ending
        assert stopped < (time.perf_counter() - begun) / 4


def test_a_call_whose_loop_has_gone_leaves_the_rest_to_be_done(tmp_path: Path) -> None:
    under_way, released = threading.Event(), threading.Event()

    def slow() -> None:
        under_way.set()
        assert released.wait(10)

    connection = Connection(lambda: driver().module.connect(tmp_path / "a.db"), reads=False)

    async def give_up() -> asyncio.Future[Any] | None:
        await connection
        given_up = asyncio.ensure_future(connection._execute(slow))
        await asyncio.to_thread(under_way.wait)
        given_up.cancel()
        return connection.stop()

    stopped = asyncio.run(give_up())
    released.set()
    connection._thread.join(10)
    assert not connection._thread.is_alive()
    assert connection._connection is None, "closed, though nobody waited for it"
    assert stopped
    assert not stopped.done()
