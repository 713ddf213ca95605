"""A database from before there were instances: what was used and held then was no instance's."""

import importlib
from pathlib import Path

from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, text

from bench.fill_ledger import fill
from sayso.billing.verify import verify
from sayso.db.session import Database

TABLES = (
    *("instances", "instance_events", "instance_commands", "instance_credits", "instance_measurements"),
    *("machines", "capacity_reservations", "instance_time"),
)


def upgrade(connection: Connection) -> None:
    """Run the one migration."""
    migration = importlib.import_module("sayso.db.migrations.versions.0012_instances")
    with Operations.context(MigrationContext.configure(connection)):
        migration.upgrade()


async def test_old_usage_stays_as_it_is(database_url: str, tmp_path: Path) -> None:
    await fill(tmp_path / "filled", 600, database_url)
    async with Database.open(database_url) as database:
        async with database.transaction(unhurried=True) as session:
            for table in TABLES:
                await session.execute(text(f"DROP TABLE {table}"))
            if database.kind == "postgresql":
                for table in ("instance_events", "instance_time"):
                    await session.execute(text(f"DROP FUNCTION {table}_refuse"))
            for table in ("usage_events", "holds"):
                await session.execute(text(f"ALTER TABLE {table} DROP COLUMN instance_id"))
        async with database.transaction(unhurried=True) as session:
            await (await session.connection()).run_sync(upgrade)
        async with database.read() as session:
            marked = await session.scalar(text("SELECT count(*) FROM usage_events WHERE instance_id <> ''"))
            assert marked == 0
        found = await verify(database)
    assert found.divergence is None
    assert found.usage_events > 100
