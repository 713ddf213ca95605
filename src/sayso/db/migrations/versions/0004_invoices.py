"""Invoices, which the database itself refuses to change."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table and its triggers."""
    op.create_table(
        "invoices",
        sa.Column(
            "id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            autoincrement=False,
        ),
        sa.Column("number", sa.String(32), nullable=False),
        sa.Column("organization_id", sa.String(ID_LENGTH), nullable=False),
        *(
            sa.Column(name, sa.BigInteger(), nullable=False)
            for name in ("month_start", "issued_at", "total_cents", "credit_nano_usd")
        ),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_invoices"),
        sa.UniqueConstraint("number", name="uq_invoices_number"),
        sa.UniqueConstraint("organization_id", "month_start", name="uq_invoices_organization_id_month_start"),
    )
    _refuse_changes()


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _refuse_changes() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER invoices_refuse_{verb.lower()} BEFORE {verb} ON invoices "
                "BEGIN SELECT RAISE(ABORT, 'invoices is append-only'); END"
            )
        return
    op.execute(
        "CREATE FUNCTION invoices_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'invoices is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER invoices_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON invoices "
        "FOR EACH STATEMENT EXECUTE FUNCTION invoices_refuse()"
    )
