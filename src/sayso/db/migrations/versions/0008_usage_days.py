"""Sums of whole days, and indexes for the few rows that are looked for among millions."""

import sqlalchemy as sa
from alembic import op

from sayso.db.base import ID_LENGTH

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_AGREE = ("project_id", "api_key_id", "user_id", "model", "snapshot", "endpoint", "price_book_id")
_RANGED = ("prompt_tokens", "completion_tokens", "audio_milliseconds")
_CHARGES = ("prompt_charge", "completion_charge", "audio_charge")
_SUMS = (
    *("requests", "failed_requests", "prompt_tokens", "completion_tokens", "cached_tokens"),
    *("audio_milliseconds", "audio_seconds", *_CHARGES),
)


def upgrade() -> None:
    """Create the table, add up the hours that there are, and make the indexes."""
    in_range = " AND ".join(f"{name} <= 9223372036854775807" for name in (*_RANGED, *_CHARGES))
    op.create_table(
        "usage_days",
        _text("organization_id", ID_LENGTH),
        _number("day"),
        *(_text(name, ID_LENGTH) for name in ("project_id", "api_key_id", "user_id")),
        *(_text(name, 256) for name in ("model", "snapshot")),
        _text("endpoint", 32),
        *(_number(name) for name in ("price_book_id", *_SUMS)),
        sa.CheckConstraint(in_range, name=op.f("ck_usage_days_in_range")),
        sa.PrimaryKeyConstraint("organization_id", "day", *_AGREE, name="pk_usage_days"),
        sqlite_with_rowid=False,
    )
    _add_up_hours()
    _partial("ix_ledger_transactions_no_charge", "ledger_transactions", "organization_id", "kind <> 'charge'")
    _partial("ix_counters_minute", "counters", "period_start", "period = 'minute'")


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError


def _add_up_hours() -> None:
    hours = sa.table("usage_hours", *map(sa.column, ("organization_id", "hour", *_AGREE, *_SUMS)))
    days = sa.table("usage_days", *map(sa.column, ("organization_id", "day", *_AGREE, *_SUMS)))
    keys = (hours.c.organization_id, hours.c.hour - hours.c.hour % 86_400, *(hours.c[n] for n in _AGREE))
    summed = sa.select(*keys, *(sa.func.sum(hours.c[name]) for name in _SUMS)).group_by(*keys)
    op.execute(sa.insert(days).from_select([column.name for column in days.columns], summed))


def _text(name: str, length: int) -> sa.Column[str]:
    return sa.Column(name, sa.String(length), nullable=False)


def _number(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger(), nullable=False)


def _partial(name: str, table: str, column: str, condition: str) -> None:
    where = sa.text(condition)
    op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)
