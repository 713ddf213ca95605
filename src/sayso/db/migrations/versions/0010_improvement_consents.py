"""Who lets content be used to improve the service: nobody, until an organization opts in."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the table, empty."""
    op.create_table(
        "improvement_consents",
        sa.Column("organization_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("opted_in", sa.BigInteger(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(ID_LENGTH), nullable=False),
        sa.PrimaryKeyConstraint("organization_id", "version", name="pk_improvement_consents"),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
