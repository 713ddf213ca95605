"""A database whose usage was only summed by the hour gets its days."""

from pathlib import Path

from sqlalchemy import text

from bench.fill_ledger import fill
from sayso.billing.verify import verify
from sayso.db.migrate import migrate
from sayso.db.session import Database


async def test_hours_that_exist_are_added_up(database_url: str, tmp_path: Path) -> None:
    await fill(tmp_path / "filled", 600, database_url)
    async with Database.open(database_url) as database:
        async with database.transaction() as session:
            kept = (await session.execute(text("SELECT count(*), sum(prompt_charge) FROM usage_days"))).one()
            await session.execute(text("DROP TABLE usage_days"))
            for index in ("ix_ledger_transactions_no_charge", "ix_counters_minute"):
                await session.execute(text(f"DROP INDEX {index}"))
            await session.execute(text("UPDATE alembic_version SET version_num = '0007'"))
        await migrate(database)
        async with database.read() as session:
            made = (await session.execute(text("SELECT count(*), sum(prompt_charge) FROM usage_days"))).one()
        assert tuple(made) == tuple(kept)
        assert (await verify(database)).divergence is None
