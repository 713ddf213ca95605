"""Dedicated instances: what happened to them, what machines have, and the time that was paid for."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0012"
down_revision = "0013"
branch_labels = None
depends_on = None

_LIVING = sa.text("state <> 'terminated'")
_NO_CHARGE = sa.text("kind <> 'charge' AND kind <> 'instance'")


def upgrade() -> None:
    """Create the tables, and mark in usage and holds what an instance served: nothing so far."""
    _instances()
    _machines()
    _time()
    for table in ("usage_events", "holds"):
        op.add_column(
            table, sa.Column("instance_id", sa.String(ID_LENGTH), nullable=False, server_default="")
        )
    op.drop_index("ix_ledger_transactions_no_charge", "ledger_transactions")
    _partial("ix_ledger_transactions_no_charge", "ledger_transactions", ["organization_id"], _NO_CHARGE)
    for table in ("instance_events", "instance_time"):
        _refuse_changes(table)


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _instances() -> None:
    op.create_table(
        "instances",
        *map(_id, ("id", "organization_id", "project_id")),
        _text("name", 64),
        _text("state", 32),
        _text("node", 64),
        *map(_number, ("created_at", "seen_at", "paid_until")),
        sa.PrimaryKeyConstraint("id", name="pk_instances"),
    )
    op.create_index("ix_instances_organization_id_created_at", "instances", ["organization_id", "created_at"])
    _partial("ux_instances_project_id_name", "instances", ["project_id", "name"], _LIVING, unique=True)
    _partial("ix_instances_node_living", "instances", ["node"], _LIVING)
    _clustered(
        "instance_events",
        "instance_id seq",
        _id("instance_id"),
        _number("seq"),
        _id("organization_id"),
        *map(_number, ("wall", "monotonic")),
        _id("actor"),
        *(_text(name, 32) for name in ("cause", "kind")),
        sa.Column("change", sa.Text(), nullable=False),
    )
    _clustered(
        "instance_commands",
        "organization_id key_hash",
        _id("organization_id"),
        *(sa.Column(name, sa.LargeBinary(32), nullable=False) for name in ("key_hash", "params_hash")),
        _id("instance_id"),
        _number("created_at"),
    )
    op.create_index("ix_instance_commands_created_at", "instance_commands", ["created_at"])


def _machines() -> None:
    amounts = ("cores", "memory_mib", "gpus")
    _clustered("machines", "node", _text("node", 64), *map(_number, (*amounts, "seen_at")))
    _clustered(
        "instance_measurements",
        "snapshot cores gpus",
        _text("snapshot", 256),
        *map(_number, ("cores", "gpus", "tokens_per_1000_seconds", "concurrency", "measured_at")),
    )
    _clustered(
        "capacity_reservations",
        "node holder",
        _text("node", 64),
        _id("holder"),
        *map(_number, (*amounts, "since")),
    )


def _time() -> None:
    _clustered(
        "instance_time",
        "instance_id started_at",
        _id("instance_id"),
        *map(_number, ("started_at", "ended_at")),
        *map(_id, ("organization_id", "project_id")),
        _text("name", 256),
        _number("config_version"),
        _text("price_version", 64),
        *map(_number, ("nano_usd_per_hour", "nano_usd", "transaction_id")),
    )
    op.create_index(
        "ix_instance_time_organization_id_started_at", "instance_time", ["organization_id", "started_at"]
    )
    numbers = ("ready_seconds", "due_seconds", "charged", "nano_usd", "transaction_id")
    _clustered(
        "instance_credits",
        "instance_id period_start",
        _id("instance_id"),
        *map(_number, ("period_start", "period_end")),
        _id("organization_id"),
        *map(_number, numbers),
    )


def _clustered(name: str, key: str, *columns: sa.Column[Any]) -> None:
    primary = sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}")
    op.create_table(name, *columns, primary, sqlite_with_rowid=False)


def _text(name: str, length: int) -> sa.Column[Any]:
    return sa.Column(name, sa.String(length), nullable=False)


def _id(name: str) -> sa.Column[Any]:
    return _text(name, ID_LENGTH)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False)


def _partial(
    name: str, table: str, columns: list[str], where: sa.TextClause, *, unique: bool = False
) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _refuse_changes(table: str) -> None:
    """Make the database itself refuse to change or remove a row of `table`."""
    message = f"{table} is append-only"
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_refuse_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{message}'); END"
            )
        return
    op.execute(
        f"CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN RAISE EXCEPTION '{message}'; END $$"
    )
    for name, verb, each in (("change", "UPDATE OR DELETE", "ROW"), ("truncate", "TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER {table}_refuse_{name} BEFORE {verb} ON {table} "
            f"FOR EACH {each} EXECUTE FUNCTION {table}_refuse()"
        )
