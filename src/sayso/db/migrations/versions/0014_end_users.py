"""Whose content it is to the caller, which model was asked for; the audit log forgets after 400 days.

The columns `data_retention`, from before policies had versions, go.
"""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0014"
down_revision = "0010"
branch_labels = None
depends_on = None

DAYS = 400


def upgrade() -> None:
    """Add and drop columns, and let old entries of the audit log be deleted."""
    for name, length in (("asked_model", 256), ("end_user", ID_LENGTH)):
        column = sa.Column(name, sa.String(length), nullable=False, server_default="")
        op.add_column("retained_records", column)
    for table in ("organizations", "projects"):
        op.drop_column(table, "data_retention")
    if op.get_bind().dialect.name == "sqlite":
        _on_sqlite()
    else:
        _on_postgresql()


def _on_sqlite() -> None:
    op.execute("DROP TRIGGER audit_logs_no_delete")
    op.execute(
        "CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs "
        f"WHEN OLD.effective_at > strftime('%Y-%m-%d %H:%M:%f', 'now', '-{DAYS} days') "
        "BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only'); END"
    )


def _on_postgresql() -> None:
    op.execute("DROP TRIGGER audit_logs_append_only ON audit_logs")
    op.execute(
        "CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR TRUNCATE ON audit_logs "
        "FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_append_only()"
    )
    op.execute(
        "CREATE TRIGGER audit_logs_no_delete BEFORE DELETE ON audit_logs FOR EACH ROW "
        f"WHEN (OLD.effective_at > now() - interval '{DAYS} days') "
        "EXECUTE FUNCTION audit_logs_append_only()"
    )


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
