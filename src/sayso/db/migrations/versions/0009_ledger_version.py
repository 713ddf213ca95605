"""A number that changes whenever the ledger's tables do, so that a writer can tell whether it was alone."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WATCHED = ("rate_limits", "budgets", "price_books")
CHANGE = "UPDATE ledger_version SET version = version + 1"


def upgrade() -> None:
    """Create the number, and have it changed by those who write without the ledger's writer."""
    op.create_table(
        "ledger_version",
        sa.Column("id", _SERIAL, nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_ledger_version"),
    )
    op.execute("INSERT INTO ledger_version (id, version) VALUES (1, 0)")
    if op.get_bind().dialect.name == "sqlite":
        for table in WATCHED:
            for verb in ("INSERT", "UPDATE", "DELETE"):
                name = f"{table}_version_{verb.lower()}"
                op.execute(f"CREATE TRIGGER {name} AFTER {verb} ON {table} BEGIN {CHANGE}; END")
        return
    op.execute(
        f"CREATE FUNCTION ledger_version_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {CHANGE}; RETURN NULL; END $$"
    )
    for table in WATCHED:
        op.execute(
            f"CREATE TRIGGER {table}_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION ledger_version_change()"
        )


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
