"""How busy instances are, by the minute."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "instance_utilization",
        sa.Column("instance_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("minute", sa.BigInteger, nullable=False),
        sa.Column("busy_ms", sa.BigInteger, nullable=False),
        sa.Column("open_ms", sa.BigInteger, nullable=False),
        sa.PrimaryKeyConstraint("instance_id", "minute", name="pk_instance_utilization"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_instance_utilization_minute", "instance_utilization", ["minute"])


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
