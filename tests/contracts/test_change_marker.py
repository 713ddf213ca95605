"""A writer may believe what it has read for as long as its marker stays the same."""

from sqlalchemy import text

from sayso.db.change_marker import change_marker
from sayso.db.session import Database


async def test_it_stays_until_another_connection_commits(database_url: str) -> None:
    async with Database.open(database_url) as database:
        engine = database.sync_engine()
        with engine.connect() as mine:
            with mine.begin():
                mine.execute(text("CREATE TABLE notes (id INTEGER)"))
                first = change_marker(mine)
            with mine.begin():
                mine.execute(text("INSERT INTO notes VALUES (1)"))
            with mine.begin():
                assert change_marker(mine) == first
            async with database.transaction() as session:
                await session.execute(text("INSERT INTO notes VALUES (2)"))
            with mine.begin():
                second = change_marker(mine)
        with engine.connect() as other:
            other.invalidate()
        with engine.connect() as fresh, fresh.begin():
            third = change_marker(fresh)
        engine.dispose()
    if database.kind == "postgresql":
        assert first is second is third is None
    else:
        assert None not in (first, second, third)
        assert len({first, second, third}) == 3
