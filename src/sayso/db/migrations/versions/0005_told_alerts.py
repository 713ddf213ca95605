"""Spend alerts that are still to be told; which pepper made the keys; keys found by their digest."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and the indexes."""
    op.create_table(
        "alert_deliveries",
        sa.Column("alert_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("month_start", sa.BigInteger(), nullable=False, autoincrement=False),
        *(sa.Column(name, sa.String(32), nullable=False) for name in ("channel", "scope_kind")),
        sa.Column("scope_id", sa.String(ID_LENGTH), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("nano_usd", "posted")),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("subject_prefix", sa.String(256), nullable=True),
        *(sa.Column(name, sa.BigInteger(), nullable=False) for name in ("attempts", "next_at")),
        sa.PrimaryKeyConstraint("alert_id", "month_start", "channel", name="pk_alert_deliveries"),
    )
    op.create_table(
        "key_peppers",
        sa.Column("id", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_key_peppers"),
    )
    for table in ("api_keys", "admin_api_keys"):
        op.create_index(f"ix_{table}_digest", table, ["digest"])


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
