"""Numbers that change whenever what requests depend on does, so that answers of the database can be kept."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

ACCESS = ("access",)
NAMES = ("names",)
INSTANCES = ("instances",)
# Columns that nothing depends on, or that change all the time, are left out: a key's last use, a heartbeat.
WATCHED: dict[str, tuple[tuple[str, ...], str]] = {
    "organizations": (ACCESS, "id, slug"),
    "projects": (("access", "instances"), "id, organization_id, archived_at"),
    "api_keys": (
        ACCESS,
        "id, project_id, digest, revoked_at, user_id, service_account_id, scopes, expires_at",
    ),
    "admin_api_keys": (ACCESS, "id, organization_id, user_id, digest, expires_at, revoked_at"),
    "memberships": (ACCESS, "organization_id, user_id, role"),
    "project_members": (ACCESS, "project_id, user_id, role"),
    "service_accounts": (ACCESS, "id, project_id, role, deleted_at"),
    "model_permissions": (ACCESS, "project_id, mode, model_ids"),
    "retention_policies": (("retention",), "scope_id, version, scope_kind, organization_id, mode, days"),
    "model_alias_versions": (NAMES, "number, alias, snapshot, previous, effective_from, made_at"),
    "model_pins": (NAMES, "project_id, model, snapshot, digest, made_at, actor"),
    "model_deprecations": (NAMES, "model, deprecated_from, shutdown_at, replacement, made_at, actor"),
    "instances": (
        INSTANCES,
        "id, organization_id, project_id, name, state, node, created_at, opened_to, opened_until, opened",
    ),
    "instance_events": (INSTANCES, "instance_id, seq, wall, kind, change"),
}
CHANGE = "UPDATE revisions SET revision = revision + 1 WHERE name"
NAMED_BEFORE = ("model_alias_versions", "model_pins", "model_deprecations")


def upgrade() -> None:
    """Create the numbers and what changes them; the one that names had by themselves is among them now."""
    table = op.create_table(
        "revisions",
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_revisions"),
        sqlite_with_rowid=False,
    )
    for name in sorted({name for names, _ in WATCHED.values() for name in names}):
        op.execute(table.insert().values(name=name, revision=0))
    (_on_sqlite if op.get_bind().dialect.name == "sqlite" else _on_postgresql)()
    op.drop_table("model_names_version")


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _on_sqlite() -> None:
    for table in NAMED_BEFORE:
        for verb in ("insert", "update", "delete"):
            op.execute(f"DROP TRIGGER {table}_version_{verb}")
    for table, (names, columns) in WATCHED.items():
        listed = ", ".join(f"'{name}'" for name in names)
        change = f"{CHANGE} IN ({listed})"
        for verb in ("INSERT", f"UPDATE OF {columns}", "DELETE"):
            name = f"{table}_revision_{verb.split()[0].lower()}"
            op.execute(f"CREATE TRIGGER {name} AFTER {verb} ON {table} BEGIN {change}; END")


def _on_postgresql() -> None:
    for table in NAMED_BEFORE:
        op.execute(f"DROP TRIGGER {table}_version ON {table}")
    op.execute("DROP FUNCTION model_names_change()")
    op.execute(
        "CREATE FUNCTION revision_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {CHANGE} = ANY (TG_ARGV); RETURN NULL; END $$"
    )
    for table, (names, columns) in WATCHED.items():
        listed = ", ".join(f"'{name}'" for name in names)
        op.execute(
            f"CREATE TRIGGER {table}_revision "
            f"AFTER INSERT OR DELETE OR TRUNCATE OR UPDATE OF {columns} ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION revision_change({listed})"
        )
