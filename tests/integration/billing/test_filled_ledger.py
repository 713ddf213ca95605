"""What the benchmark fills a database with is what the ledger itself would have written."""

from pathlib import Path

from sqlalchemy import func, select

from bench.fill_ledger import fill, read_note
from sayso.billing.tables import HoldRow, LedgerEntry, UsageEventRow, UsageHour
from sayso.billing.verify import verify
from sayso.db.session import Database


async def test_filled_books_agree(database_url: str, tmp_path: Path) -> None:
    folder = tmp_path / "filled"
    filled = await fill(folder, 1_000, database_url)
    assert read_note(folder) == filled
    assert 1_000 <= filled.entries <= 1_010
    async with Database.open(database_url) as database:
        found = await verify(database)
        async with database.read() as session:
            counts = [
                await session.scalar(select(func.count()).select_from(table))
                for table in (LedgerEntry, UsageEventRow)
            ]
            organizations = await session.scalar(select(func.count(UsageHour.organization_id.distinct())))
            held = await session.scalar(select(func.count()).select_from(HoldRow))
    assert found.divergence is None
    assert counts == [filled.entries, filled.requests]
    assert found.usage_events == filled.requests > 300
    assert organizations is not None
    assert organizations > 5
    assert held is not None
    assert 0 < held < filled.requests // 10
