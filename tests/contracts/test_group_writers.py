"""Group commit on every kind of database: exact beside other writers, and over lost connections."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence

import pytest
from sqlalchemy import Connection, event, text

from sayso.db.session import Database
from sayso.db.writer import GroupWriter
from sayso.errors import InvalidRequest, StorageUnavailable
from tests.postgresql_server import PostgresqlServer, binaries, running_postgresql

LIMIT = 100


def admit(connection: Connection, operations: Sequence[int]) -> Sequence[int | Exception]:
    """Count up to the limit: read, decide in memory, write once."""
    used = connection.scalar(text("SELECT used FROM counter")) or 0
    results: list[int | Exception] = []
    for step in operations:
        if step == 0:
            raise ZeroDivisionError
        if used + step > LIMIT:
            results.append(InvalidRequest("full"))
        else:
            used += step
            results.append(used)
    connection.execute(text("UPDATE counter SET used = :used"), {"used": used})
    return results


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        async with database.transaction() as session:
            await session.execute(text("CREATE TABLE counter (used BIGINT NOT NULL)"))
            await session.execute(text("INSERT INTO counter VALUES (0)"))
        yield database


@pytest.fixture
async def writer(db: Database) -> AsyncIterator[GroupWriter[int, int]]:
    made: GroupWriter[int, int] = GroupWriter(db.sync_engine(), admit)
    yield made
    await made.close()


async def test_only_what_must_outlive_a_power_cut_waits_for_the_disk(db: Database) -> None:
    asked = {"sqlite": "PRAGMA synchronous", "postgresql": "SHOW synchronous_commit"}[db.kind]
    waits = {"sqlite": 2, "postgresql": "on"}[db.kind]
    relaxed = {"sqlite": 1, "postgresql": "off"}[db.kind]

    def ask(connection: Connection, operations: Sequence[int]) -> Sequence[object]:
        return [connection.scalar(text(asked))] * len(operations)

    writer: GroupWriter[int, object] = GroupWriter(db.sync_engine(), ask, durable=lambda step: step > 1)
    try:
        for step, expected in ((1, relaxed), (2, waits), (1, relaxed), (1, relaxed), (2, waits)):
            assert await writer.submit(step) == expected
        together = await asyncio.gather(writer.submit(1), writer.submit(2))
        assert set(together) == {waits}
    finally:
        await writer.close()


async def used(db: Database) -> int:
    async with db.read() as session:
        return int(await session.scalar(text("SELECT used FROM counter")) or 0)


async def test_two_writers_admit_exactly_the_limit(db: Database, writer: GroupWriter[int, int]) -> None:
    other: GroupWriter[int, int] = GroupWriter(db.sync_engine(), admit, turn=db.threads_turn, batch_limit=7)
    answers = await asyncio.gather(
        *((writer, other)[n % 2].submit(1) for n in range(150)), return_exceptions=True
    )
    await other.close()
    admitted = [answer for answer in answers if isinstance(answer, int)]
    assert sorted(admitted) == list(range(1, LIMIT + 1))
    assert sum(isinstance(answer, InvalidRequest) for answer in answers) == 50
    assert await used(db) == LIMIT


async def test_writers_that_share_a_turn_never_meet(db: Database) -> None:
    inside, met = [0], threading.Event()

    def begins(*_: object) -> None:
        inside[0] += 1
        if inside[0] > 1:
            met.set()

    def ended(_: Connection) -> None:
        inside[0] -= 1

    def slowly(connection: Connection, operations: Sequence[int]) -> Sequence[int | Exception]:
        met.wait(0.2)  # time for the other to begin, if it can
        return admit(connection, operations)

    engines = [db.sync_engine() for _ in range(2)]
    for engine in engines:
        engine.connect().close()  # the first takes its time
        event.listen(engine, "checkout", begins)  # before it asks for the database's lock
        event.listen(engine, "commit", ended)
    writers = [GroupWriter(engine, slowly, turn=db.threads_turn) for engine in engines]
    await asyncio.gather(*(writer.submit(1) for writer in writers))
    for writer in writers:
        await writer.close()
    assert await used(db) == 2
    assert not met.is_set()


async def test_an_operation_that_breaks_hurts_nobody_else(
    db: Database, writer: GroupWriter[int, int]
) -> None:
    answers = await asyncio.gather(*(writer.submit(n) for n in (1, 0, 1)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [int, ZeroDivisionError, int]
    assert await used(db) == 2


async def test_a_batch_survives_a_lost_connection(postgresql_server: PostgresqlServer) -> None:
    async with Database.open(postgresql_server.new_database()) as db:
        async with db.transaction() as session:
            await session.execute(text("CREATE TABLE counter (used BIGINT NOT NULL)"))
            await session.execute(text("INSERT INTO counter VALUES (0)"))
        engine = db.sync_engine()
        cut = iter([True])

        @event.listens_for(engine, "before_cursor_execute")
        def lose(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
            if "UPDATE" in statement and next(cut, False):
                postgresql_server.end_connections()

        writer: GroupWriter[int, int] = GroupWriter(engine, admit)
        assert await writer.submit(5) == 5
        assert next(cut, None) is None
        # While it lay idle, too.
        await asyncio.to_thread(postgresql_server.end_connections)
        assert await writer.submit(5) == 10
        assert await used(db) == 10
        await writer.close()


async def test_a_server_that_is_away_refuses_and_is_found_again(
    postgresql_server: PostgresqlServer,
) -> None:
    programs = binaries()
    assert programs is not None
    with running_postgresql(programs) as server:
        async with Database.open(server.new_database()) as db:
            async with db.transaction() as session:
                await session.execute(text("CREATE TABLE counter (used BIGINT NOT NULL)"))
                await session.execute(text("INSERT INTO counter VALUES (0)"))
            writer: GroupWriter[int, int] = GroupWriter(db.sync_engine(), admit)
            assert await writer.submit(1) == 1
            await asyncio.to_thread(server.stop)
            async with asyncio.timeout(1):
                with pytest.raises(StorageUnavailable):
                    await writer.submit(1)
                assert await db.failure() != ""
            await asyncio.to_thread(server.start)
            assert await writer.submit(1) == 2
            assert await db.failure() == ""
            await writer.close()
