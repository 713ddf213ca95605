"""A database whose usage was only summed by the hour gets its days."""

import importlib
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from bench.fill_ledger import fill
from sayso.billing.verify import verify
from sayso.db.session import Database


def upgrade(connection: Connection) -> None:
    """Run the one migration."""
    days = importlib.import_module("sayso.db.migrations.versions.0008_usage_days")
    with Operations.context(MigrationContext.configure(connection)):
        days.upgrade()


async def test_hours_that_exist_are_added_up(database_url: str, tmp_path: Path) -> None:
    await fill(tmp_path / "filled", 600, database_url)
    async with Database.open(database_url) as database:
        async with database.transaction() as session:
            kept = (await session.execute(text("SELECT count(*), sum(prompt_charge) FROM usage_days"))).one()
            await session.execute(text("DROP TABLE usage_days"))
            for index in ("ix_ledger_transactions_no_charge", "ix_counters_minute"):
                await session.execute(text(f"DROP INDEX {index}"))
        async with database.transaction(unhurried=True) as session:
            await (await session.connection()).run_sync(upgrade)
        async with database.read() as session:
            made = (await session.execute(text("SELECT count(*), sum(prompt_charge) FROM usage_days"))).one()
        assert tuple(made) == tuple(kept)
        assert (await verify(database)).divergence is None
