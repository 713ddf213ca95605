"""Aliases over time, snapshots that projects pin, and names that come to an end."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH
from sayso.db.columns import NAME_LENGTH, WORD_LENGTH

revision = "0013"
down_revision = "0014"
branch_labels = None
depends_on = None

_SERIAL = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
WATCHED = ("model_alias_versions", "model_pins", "model_deprecations")
CHANGE = "UPDATE model_names_version SET version = version + 1"


def upgrade() -> None:
    """Create the tables, empty: names lead where the settings say until somebody says otherwise."""
    op.create_table(
        "model_alias_versions",
        sa.Column("number", _SERIAL, nullable=False, autoincrement=False),
        _name("alias"),
        _name("snapshot"),
        sa.Column("previous", sa.String(NAME_LENGTH), nullable=True),
        sa.Column("effective_from", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(ID_LENGTH), nullable=True),
        sa.Column("cause", sa.String(WORD_LENGTH), nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_model_alias_versions"),
    )
    op.create_table(
        "model_pins",
        sa.Column("project_id", sa.String(ID_LENGTH), nullable=False),
        _name("model"),
        _name("snapshot"),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(ID_LENGTH), nullable=False),
        sa.PrimaryKeyConstraint("project_id", "model", name="pk_model_pins"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_deprecations",
        _name("model"),
        sa.Column("deprecated_from", sa.BigInteger(), nullable=False),
        sa.Column("shutdown_at", sa.BigInteger(), nullable=True),
        sa.Column("replacement", sa.String(NAME_LENGTH), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(ID_LENGTH), nullable=False),
        sa.PrimaryKeyConstraint("model", name="pk_model_deprecations"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "model_names_version",
        sa.Column("id", _SERIAL, nullable=False, autoincrement=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model_names_version"),
    )
    op.execute("INSERT INTO model_names_version (id, version) VALUES (1, 0)")
    (_on_sqlite if op.get_bind().dialect.name == "sqlite" else _on_postgresql)()


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _name(column: str) -> sa.Column[str]:
    return sa.Column(column, sa.String(NAME_LENGTH), nullable=False)


def _on_sqlite() -> None:
    """Have every change noticed, and the history of aliases only grow."""
    for table in WATCHED:
        for verb in ("INSERT", "UPDATE", "DELETE"):
            name = f"{table}_version_{verb.lower()}"
            op.execute(f"CREATE TRIGGER {name} AFTER {verb} ON {table} BEGIN {CHANGE}; END")
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER model_alias_versions_no_{verb.lower()} BEFORE {verb} ON model_alias_versions "
            "BEGIN SELECT RAISE(ABORT, 'model_alias_versions is append-only'); END"
        )


def _on_postgresql() -> None:
    op.execute(
        f"CREATE FUNCTION model_names_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN {CHANGE}; RETURN NULL; END $$"
    )
    for table in WATCHED:
        op.execute(
            f"CREATE TRIGGER {table}_version AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION model_names_change()"
        )
    op.execute(
        "CREATE FUNCTION model_alias_versions_append_only() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'model_alias_versions is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER model_alias_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE "
        "ON model_alias_versions FOR EACH STATEMENT EXECUTE FUNCTION model_alias_versions_append_only()"
    )
