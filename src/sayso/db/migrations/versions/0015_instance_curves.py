"""What instances were measured to do at rising concurrency."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0015"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "instance_curves",
        sa.Column("instance_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("config_version", sa.BigInteger, nullable=False),
        sa.Column("measured_at", sa.BigInteger, nullable=False),
        sa.Column("levels", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("instance_id", name="pk_instance_curves"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
