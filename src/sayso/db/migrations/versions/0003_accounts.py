"""Users, roles, service accounts, owners of keys, admin keys, invites, the audit log, model permissions."""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH, UtcDateTime
from sayso.ids import new_user_id

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and give every organization an owner who owns the keys that exist."""
    _users()
    _service_accounts()
    _keys()
    _invites()
    _audit_logs()
    _model_permissions()
    for table in ("organizations", "projects"):
        op.add_column(table, sa.Column("data_retention", sa.String(64), nullable=True))
    op.add_column("projects", sa.Column("archived_at", UtcDateTime(), nullable=True))
    _own_existing_keys()


def _id(name: str, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(ID_LENGTH), nullable=nullable)


def _reference(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{target}.id"], name=f"fk_{table}_{column}")


def _users() -> None:
    op.create_table(
        "users",
        _id("id"),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_users"),
        sa.UniqueConstraint("email", name="uq_users_email"),
    )
    for table, column, target in (
        ("memberships", "organization_id", "organizations"),
        ("project_members", "project_id", "projects"),
    ):
        op.create_table(
            table,
            _id(column),
            _id("user_id"),
            sa.Column("role", sa.String(16), nullable=False),
            sa.Column("added_at", UtcDateTime(), nullable=False),
            sa.PrimaryKeyConstraint(column, "user_id", name=f"pk_{table}"),
            _reference(table, column, target),
            _reference(table, "user_id", "users"),
        )
        op.create_index(f"ix_{table}_user_id", table, ["user_id"])


def _service_accounts() -> None:
    op.create_table(
        "service_accounts",
        _id("id"),
        _id("project_id"),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_service_accounts"),
        _reference("service_accounts", "project_id", "projects"),
    )
    op.create_index("ix_service_accounts_project_id", "service_accounts", ["project_id"])


def _keys() -> None:
    for column, target in (("user_id", "users"), ("service_account_id", "service_accounts")):
        key = sa.ForeignKey(f"{target}.id", name=f"fk_api_keys_{column}")
        # Written inside the column, for SQLite can not add a constraint to a table.
        op.add_column(
            "api_keys",
            sa.Column(column, sa.String(ID_LENGTH), key, nullable=True),
            inline_references=True,
        )
        op.create_index(f"ix_api_keys_{column}", "api_keys", [column])
    op.add_column("api_keys", sa.Column("scopes", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("api_keys", sa.Column("expires_at", UtcDateTime(), nullable=True))
    op.create_table(
        "admin_api_keys",
        _id("id"),
        _id("organization_id"),
        _id("user_id"),
        sa.Column("name", sa.String(256), nullable=False),
        sa.Column("lookup_id", sa.String(12), nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False),
        sa.Column("redacted_value", sa.String(32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_admin_api_keys"),
        _reference("admin_api_keys", "organization_id", "organizations"),
        _reference("admin_api_keys", "user_id", "users"),
        sa.UniqueConstraint("lookup_id", name="uq_admin_api_keys_lookup_id"),
    )
    op.create_index("ix_admin_api_keys_organization_id", "admin_api_keys", ["organization_id"])
    op.create_index("ix_admin_api_keys_user_id", "admin_api_keys", ["user_id"])


def _invites() -> None:
    op.create_table(
        "invites",
        _id("id"),
        _id("organization_id"),
        sa.Column("email", sa.String(320), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("projects", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("accepted_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_invites"),
        _reference("invites", "organization_id", "organizations"),
    )
    op.create_index("ix_invites_organization_id", "invites", ["organization_id"])


def _audit_logs() -> None:
    op.create_table(
        "audit_logs",
        _id("id"),
        _id("organization_id"),
        _id("project_id", nullable=True),
        sa.Column("type", sa.String(64), nullable=False),
        sa.Column("effective_at", UtcDateTime(), nullable=False),
        _id("actor_key_id", nullable=True),
        _id("actor_user_id"),
        sa.Column("actor_email", sa.String(320), nullable=False),
        _id("resource_id"),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_audit_logs"),
        _reference("audit_logs", "organization_id", "organizations"),
    )
    op.create_index(
        "ix_audit_logs_organization_id_effective_at_id",
        "audit_logs",
        ["organization_id", "effective_at", "id"],
    )
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER audit_logs_no_{verb.lower()} BEFORE {verb} ON audit_logs "
                "BEGIN SELECT RAISE(ABORT, 'audit_logs is append-only'); END"
            )
    else:
        op.execute(
            "CREATE FUNCTION audit_logs_append_only() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION 'audit_logs is append-only'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_logs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_logs "
            "FOR EACH STATEMENT EXECUTE FUNCTION audit_logs_append_only()"
        )


def _model_permissions() -> None:
    op.create_table(
        "model_permissions",
        _id("project_id"),
        sa.Column("mode", sa.String(16), nullable=False),
        sa.Column("model_ids", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("project_id", name="pk_model_permissions"),
        _reference("model_permissions", "project_id", "projects"),
    )


def _own_existing_keys() -> None:
    bind = op.get_bind()
    users = sa.table(
        "users", *map(sa.column, ("id", "email", "name")), sa.column("created_at", UtcDateTime())
    )
    memberships = sa.table(
        "memberships",
        *map(sa.column, ("organization_id", "user_id", "role")),
        sa.column("added_at", UtcDateTime()),
    )
    projects = sa.table("projects", sa.column("id"), sa.column("organization_id"))
    keys = sa.table("api_keys", sa.column("project_id"), sa.column("user_id"))
    now = datetime.now(UTC)
    for org_id, slug in bind.execute(sa.text("SELECT id, slug FROM organizations")).all():
        user = new_user_id()
        bind.execute(users.insert().values(id=user, email=f"owner@{slug}.invalid", name=slug, created_at=now))
        bind.execute(
            memberships.insert().values(organization_id=org_id, user_id=user, role="owner", added_at=now)
        )
        theirs = sa.select(projects.c.id).where(projects.c.organization_id == org_id)
        bind.execute(keys.update().where(keys.c.project_id.in_(theirs)).values(user_id=user))


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
