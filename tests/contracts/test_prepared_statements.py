"""Statements that go to the driver as they are, on both databases."""

import pytest
from sqlalchemy import BigInteger, Column, LargeBinary, MetaData, String, Table, insert, select

from sayso.db.prepared import Prepared
from sayso.db.session import Database
from sayso.errors import InvalidRequest

NOTES = Table(
    "notes",
    MetaData(),
    Column("id", BigInteger, primary_key=True),
    Column("name", String(8)),
    Column("content", LargeBinary),
)


async def test_they_write_rows_of_every_type(database_url: str) -> None:
    rows = [(1, "a", b"\x00\xff"), (2**62, None, b""), (-(2**63), "%s ?", b"%")]
    async with Database.open(database_url) as database:
        engine = database.sync_engine()
        with engine.connect() as connection, connection.begin():
            NOTES.create(connection)
            statement = Prepared(lambda _: insert(NOTES), ["id", "name", "content"])
            for part in ([], rows[:1], rows[1:]):
                statement.run(connection, part)
            found = connection.execute(select(NOTES).order_by(NOTES.c.id)).all()
            assert [tuple(row) for row in found] == sorted(rows)
        if database.kind == "postgresql":
            with engine.connect() as connection, connection.begin(), pytest.raises(InvalidRequest):
                statement.run(connection, [(3, "much too long", b"")])
        engine.dispose()


async def test_columns_in_another_order_are_refused(database_url: str) -> None:
    async with Database.open(database_url) as database:
        engine = database.sync_engine()
        statement = Prepared(lambda _: insert(NOTES), ["name", "id", "content"])
        with (
            engine.connect() as connection,
            connection.begin(),
            pytest.raises(ValueError, match="parameters"),
        ):
            statement.run(connection, [("a", 1, b"")])
        engine.dispose()
