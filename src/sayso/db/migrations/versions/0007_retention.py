"""Retention policies, encrypted content, legal holds, erasures, deletion receipts and sweeps."""

import time

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0007"
down_revision = "0005"
branch_labels = None
depends_on = None

MODES = {  # what was asked for before anything was kept
    "none": "default",
    "modified_abuse_monitoring": "stored_only",
    "enhanced_modified_abuse_monitoring": "stored_only",
    "zero_data_retention": "zero",
    "enhanced_zero_data_retention": "zero",
}
APPEND_ONLY = ("deletion_receipts", "sweep_runs")


def upgrade() -> None:
    """Create the tables and the triggers of the two that are append-only."""
    _policies()
    _content()
    _requests()
    _proofs()
    for table in APPEND_ONLY:
        _refuse_changes(table)
    _carry_over()


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _text(name: str, length: int = ID_LENGTH, *, nullable: bool = False) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=nullable)


def _number(name: str, *, nullable: bool = False, key: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False if key else "auto")


def _serial() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, nullable=False, autoincrement=False)


def _table(
    name: str,
    *columns: sa.Column[int] | sa.Column[str] | sa.Column[bytes],
    keys: tuple[str, ...] = ("id",),
    clustered: bool = False,
) -> None:
    primary = sa.PrimaryKeyConstraint(*keys, name=f"pk_{name}")
    op.create_table(name, *columns, primary, **({"sqlite_with_rowid": False} if clustered else {}))


def _policies() -> None:
    _table(
        "retention_key_stores", _text("id"), _number("first_used_at"), _number("replaced_at", nullable=True)
    )
    _table(
        "retention_policies",
        _text("scope_id"),
        _number("version", key=True),
        _text("scope_kind", 32),
        _text("organization_id"),
        _text("mode", 32),
        _number("days"),
        _number("effective_from"),
        _text("actor"),
        _number("applied_at", nullable=True),
        keys=("scope_id", "version"),
        clustered=True,
    )
    _partial_index("retention_policies", "applied_at", "applied_at IS NULL")


def _content() -> None:
    _table(
        "retained_records",
        *map(_text, ("id", "organization_id", "project_id", "owner_id")),
        _text("kind", 32),
        _text("class_id", 32),
        _text("model", 256),
        *map(_number, ("stored", "created_at", "expires_at")),
        _text("policy"),
        _text("key_file", 128),
        *map(_number, ("key_slot", "size", "complete")),
        _number("erased_at", nullable=True),
        clustered=True,
    )
    op.create_index("ix_retained_records_expires_at", "retained_records", ["expires_at"])
    op.create_index("ix_retained_records_key_file", "retained_records", ["key_file"])
    op.create_index(
        "ix_retained_records_organization_id_project_id_created_at",
        "retained_records",
        ["organization_id", "project_id", "created_at", "id"],
    )
    _partial_index("retained_records", "complete", "complete = 0")
    _partial_index("retained_records", "erased_at", "erased_at IS NOT NULL")
    op.create_table(
        "retained_chunks",
        _text("record_id"),
        _number("position", key=True),
        _text("part", 32),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("record_id", "position", name="pk_retained_chunks"),
        sa.ForeignKeyConstraint(["record_id"], ["retained_records.id"], name="fk_retained_chunks_record_id"),
    )


def _requests() -> None:
    _table(
        "erasures",
        *map(_text, ("id", "organization_id")),
        _text("scope_kind", 32),
        _text("scope_id"),
        _number("requested_at"),
        _text("actor"),
        _number("applied_at", nullable=True),
        _number("records"),
    )
    op.create_index(
        "ix_erasures_organization_id_requested_at", "erasures", ["organization_id", "requested_at"]
    )
    _partial_index("erasures", "applied_at", "applied_at IS NULL")
    _table(
        "legal_holds",
        *map(_text, ("id", "organization_id")),
        _text("scope_kind", 32),
        _text("scope_id"),
        _text("reason", 1024),
        _text("created_by"),
        _number("created_at"),
        _text("released_by", nullable=True),
        _number("released_at", nullable=True),
    )
    op.create_index("ix_legal_holds_organization_id", "legal_holds", ["organization_id"])


def _proofs() -> None:
    def chained(*columns: sa.Column[int] | sa.Column[str], name: str) -> None:
        document = sa.Column("document", sa.Text(), nullable=False)
        _table(name, _serial(), *columns, document, _text("previous_hash", 64), _text("hash", 64))

    counts = ("records", "bytes")
    chained(
        _text("organization_id"), _number("destroyed_at"), *map(_number, counts), name="deletion_receipts"
    )
    op.create_index("ix_deletion_receipts_organization_id_id", "deletion_receipts", ["organization_id", "id"])
    chained(*map(_number, ("started_at", "finished_at", *counts)), _text("residue", 32), name="sweep_runs")


def _partial_index(table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(f"ix_{table}_{column}", table, [column], sqlite_where=where, postgresql_where=where)


def _refuse_changes(table: str) -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$"
    )
    op.execute(
        f"CREATE TRIGGER {table}_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()"
    )


def _carry_over() -> None:
    """Make what organizations and projects have asked for their first policies."""
    now = time.time_ns() // 1000
    connection = op.get_bind()
    asked = [
        ("organization", row.id, row.id, row.data_retention)
        for row in connection.execute(sa.text("SELECT id, data_retention FROM organizations"))
    ] + [
        ("project", row.id, row.organization_id, row.data_retention)
        for row in connection.execute(sa.text("SELECT id, organization_id, data_retention FROM projects"))
    ]
    policies = sa.table(
        "retention_policies",
        *map(sa.column, ("scope_kind", "scope_id", "organization_id", "mode", "version", "days", "actor")),
        *map(sa.column, ("effective_from", "applied_at")),
    )
    rows = [
        {
            "scope_kind": kind,
            "scope_id": scope_id,
            "organization_id": organization_id,
            "mode": MODES[word],
            "version": 1,
            "days": 0,
            "actor": "migration",
            "effective_from": now,
            "applied_at": now,
        }
        for kind, scope_id, organization_id, word in asked
        if word in MODES
    ]
    if rows:
        op.bulk_insert(policies, rows)
