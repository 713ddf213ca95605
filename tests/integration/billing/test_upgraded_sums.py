"""A database whose usage was only summed by the hour gets its days."""

from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from bench.fill_ledger import fill
from sayso.billing.verify import verify
from sayso.db.migrate import migrate
from sayso.db.session import Database


async def take_version_back(session: AsyncSession, kind: str) -> None:
    """Undo what came after the days."""
    if kind == "postgresql":
        await session.execute(text("DROP FUNCTION ledger_version_change() CASCADE"))
    else:
        named = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND name LIKE '%_version_%'")
        for name in (await session.scalars(named)).all():
            await session.execute(text(f"DROP TRIGGER {name}"))
    await session.execute(text("DROP TABLE ledger_version"))


async def test_hours_that_exist_are_added_up(database_url: str, tmp_path: Path) -> None:
    await fill(tmp_path / "filled", 600, database_url)
    async with Database.open(database_url) as database:
        async with database.transaction() as session:
            kept = (await session.execute(text("SELECT count(*), sum(prompt_charge) FROM usage_days"))).one()
            await session.execute(text("DROP TABLE usage_days"))
            for index in ("ix_ledger_transactions_no_charge", "ix_counters_minute"):
                await session.execute(text(f"DROP INDEX {index}"))
            await take_version_back(session, database.kind)
            await session.execute(text("UPDATE alembic_version SET version_num = '0007'"))
        await migrate(database)
        async with database.read() as session:
            made = (await session.execute(text("SELECT count(*), sum(prompt_charge) FROM usage_days"))).one()
        assert tuple(made) == tuple(kept)
        assert (await verify(database)).divergence is None
