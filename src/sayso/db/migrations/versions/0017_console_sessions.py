"""Sessions of the console, links that open one, and the keys that the playground calls with."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH, UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "console_sessions",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("organization_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("user_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("admin_key_id", sa.String(ID_LENGTH)),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_console_sessions"),
        *_account("console_sessions"),
        sa.ForeignKeyConstraint(
            ["admin_key_id"], ["admin_api_keys.id"], name="fk_console_sessions_admin_key_id_admin_api_keys"
        ),
    )
    op.create_index("ix_console_sessions_expires_at", "console_sessions", ["expires_at"])
    op.create_table(
        "console_links",
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("organization_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("user_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_console_links"),
        *_account("console_links"),
    )
    op.create_table(
        "playground_keys",
        sa.Column("project_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("user_id", sa.String(ID_LENGTH), nullable=False),
        sa.Column("key_id", sa.String(ID_LENGTH), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "user_id", name="pk_playground_keys"),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name="fk_playground_keys_project_id_projects"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name="fk_playground_keys_user_id_users"),
        sa.ForeignKeyConstraint(["key_id"], ["api_keys.id"], name="fk_playground_keys_key_id_api_keys"),
    )


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _account(table: str) -> tuple[sa.ForeignKeyConstraint, sa.ForeignKeyConstraint]:
    return (
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=f"fk_{table}_organization_id_organizations"
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=f"fk_{table}_user_id_users"),
    )
