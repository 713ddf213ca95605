"""Prices, usage, holds, the ledger, limits, budgets and idempotency keys; triggers that keep the record."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("price_books", "prices", "usage_events", "ledger_transactions", "ledger_entries")


def upgrade() -> None:
    """Create the tables and their triggers."""
    _prices()
    _usage()
    _holds()
    _ledger()
    _limits()
    for table in APPEND_ONLY:
        _refuse_changes(table)


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _id(name: str) -> sa.Column[str]:
    return _text(name, ID_LENGTH)


def _name(name: str) -> sa.Column[str]:
    return _text(name, 256)


def _word(name: str) -> sa.Column[str]:
    return _text(name, 32)


def _number(name: str, *, nullable: bool = False) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=nullable)


def _serial() -> sa.Column[int]:
    kind = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    return sa.Column("id", kind, nullable=False, autoincrement=False)


def _digest(name: str) -> sa.Column[bytes]:
    return sa.Column(name, sa.LargeBinary(32), nullable=False)


def _create(
    name: str, *columns: sa.Column[str] | sa.Column[int] | sa.Column[bytes] | sa.Constraint, key: str
) -> None:
    """Create a table; on SQLite its rows lie in the order of `key`, unless that is their own number."""
    primary = sa.PrimaryKeyConstraint(*key.split(), name=f"pk_{name}")
    op.create_table(name, *columns, primary, sqlite_with_rowid=key == "id")


def _prices() -> None:
    _create(
        "price_books",
        _serial(),
        _text("version", 64),
        _text("currency", 3),
        _number("effective_from"),
        _number("published_at"),
        _number("supersedes", nullable=True),
        _text("sha256", 64),
        sa.UniqueConstraint("version", name="uq_price_books_version"),
        key="id",
    )
    _create(
        "prices",
        _number("price_book_id"),
        _name("model"),
        _word("meter"),
        _number("nano_usd"),
        _number("unit_size"),
        _number("increment"),
        _number("minimum"),
        sa.ForeignKeyConstraint(["price_book_id"], ["price_books.id"], name="fk_prices_price_book_id"),
        key="price_book_id model meter",
    )


def _usage() -> None:
    _create(
        "usage_events",
        *(_id(name) for name in ("request_id", "organization_id", "project_id", "api_key_id", "user_id")),
        *(_word(name) for name in ("endpoint", "kind")),
        *(_name(name) for name in ("model", "snapshot")),
        sa.Column("streamed", sa.Integer(), nullable=False),
        _word("outcome"),
        *(_number(name) for name in ("prompt_tokens", "completion_tokens", "cached_tokens")),
        *(_number(name) for name in ("audio_milliseconds", "price_book_id", "charge", "transaction_id")),
        *(_number(name) for name in ("admitted_at", "settled_at")),
        key="request_id",
    )
    op.create_index(
        "ix_usage_events_organization_id_admitted_at", "usage_events", ["organization_id", "admitted_at"]
    )
    _create(
        "usage_hours",
        _id("organization_id"),
        _number("hour"),
        *(_id(name) for name in ("project_id", "api_key_id", "user_id")),
        *(_name(name) for name in ("model", "snapshot")),
        _word("endpoint"),
        *(_number(name) for name in ("price_book_id", "requests", "failed_requests")),
        *(_number(name) for name in ("prompt_tokens", "completion_tokens", "cached_tokens")),
        *(_number(name) for name in ("audio_milliseconds", "audio_seconds")),
        *(_number(name) for name in ("prompt_charge", "completion_charge", "audio_charge")),
        sa.CheckConstraint(_in_range(), name=op.f("ck_usage_hours_in_range")),
        key="organization_id hour project_id api_key_id user_id model snapshot endpoint price_book_id",
    )


def _in_range() -> str:
    summed = ("prompt_tokens", "completion_tokens", "audio_milliseconds")
    charges = ("prompt_charge", "completion_charge", "audio_charge")
    return " AND ".join(f"{name} <= 9223372036854775807" for name in (*summed, *charges))


def _holds() -> None:
    _create(
        "holds",
        *(_id(name) for name in ("request_id", "organization_id", "project_id", "api_key_id", "user_id")),
        *(_word(name) for name in ("endpoint", "kind")),
        *(_name(name) for name in ("model", "snapshot")),
        sa.Column("streamed", sa.Integer(), nullable=False),
        _number("price_book_id"),
        _digest("idempotency_key"),
        _word("state"),
        *(_number(name) for name in ("tokens", "audio_milliseconds", "amount", "admitted_at", "expires_at")),
        _number("closed_at", nullable=True),
        key="request_id",
    )
    is_open = sa.text("state = 'open'")
    op.create_index(
        "ix_holds_expires_at", "holds", ["expires_at"], sqlite_where=is_open, postgresql_where=is_open
    )
    op.create_index("ix_holds_closed_at", "holds", ["closed_at"])


def _ledger() -> None:
    _create(
        "ledger_transactions",
        _serial(),
        _word("kind"),
        _id("organization_id"),
        _name("reference"),
        _number("reverses", nullable=True),
        _number("posted_at"),
        *(_digest(name) for name in ("previous_hash", "hash")),
        sa.UniqueConstraint("reverses", name="uq_ledger_transactions_reverses"),
        key="id",
    )
    op.create_index(
        "ix_ledger_transactions_organization_id_id", "ledger_transactions", ["organization_id", "id"]
    )
    _create(
        "ledger_entries",
        *(_number(name) for name in ("transaction_id", "position")),
        _text("account", 128),
        _number("amount"),
        sa.ForeignKeyConstraint(
            ["transaction_id"], ["ledger_transactions.id"], name="fk_ledger_entries_transaction_id"
        ),
        key="transaction_id position",
    )
    _create("account_balances", _text("account", 128), _number("balance"), key="account")


def _limits() -> None:
    _create(
        "rate_limits",
        _id("scope_id"),
        _word("scope_kind"),
        _name("model"),
        *(_word(name) for name in ("meter", "period")),
        _number("value"),
        key="scope_id scope_kind model meter period",
    )
    _create(
        "budgets",
        _id("scope_id"),
        *(_word(name) for name in ("scope_kind", "period")),
        _number("nano_usd"),
        key="scope_id scope_kind period",
    )
    _create(
        "spend_alerts",
        _id("id"),
        _word("scope_kind"),
        _id("scope_id"),
        _number("nano_usd"),
        sa.Column("recipients", sa.Text(), nullable=False),
        sa.Column("subject_prefix", sa.String(256), nullable=True),
        *(_number(name) for name in ("created_at", "raised_month")),
        key="id",
    )
    op.create_index("ix_spend_alerts_scope_id", "spend_alerts", ["scope_id"])
    _create(
        "counters",
        _number("period_start"),
        _id("scope_id"),
        _word("scope_kind"),
        _name("model"),
        _word("period"),
        *(_number(name) for name in ("requests", "tokens", "audio_milliseconds", "held", "posted")),
        key="period_start scope_id scope_kind model period",
    )
    _create(
        "idempotency_keys",
        _id("organization_id"),
        _word("endpoint"),
        *(_digest(name) for name in ("key_hash", "params_hash")),
        _id("request_id"),
        _word("state"),
        _number("created_at"),
        key="organization_id endpoint key_hash",
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])


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
