"""The time of instances counts in budgets and alerts; gates open for a while; GPUs have memory."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql, sqlite

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

_KEY = ("period_start", "scope_id", "scope_kind", "model", "period")
_SUMS = ("requests", "tokens", "audio_milliseconds", "held", "posted")


def upgrade() -> None:
    """Add the columns, and count the time that is charged already."""
    opened = [("instances", name) for name in ("opened_to", "opened_until", "opened")]
    for table, name in (*opened, ("machines", "vram_mib"), ("capacity_reservations", "vram_mib")):
        op.add_column(table, sa.Column(name, sa.BigInteger, nullable=False, server_default="0"))
    _count_time()


def _count_time() -> None:
    names = ("organization_id", "project_id", "started_at", "nano_usd")
    time = sa.table("instance_time", *map(sa.column, names))
    day = (time.c.started_at - time.c.started_at % 86_400).label("day")
    whose = (time.c.organization_id, time.c.project_id)
    summed = sa.select(*whose, day, sa.func.sum(time.c.nano_usd)).group_by(*whose, day)
    posted: Counter[tuple[int, str, str, str, str]] = Counter()
    for organization, project, at, nano_usd in op.get_bind().execute(summed).all():
        month = int(datetime.fromtimestamp(at, UTC).replace(day=1).timestamp())
        for scope in ((organization, "organization"), (project, "project")):
            posted[(at, *scope, "", "day")] += int(nano_usd)
            posted[(month, *scope, "", "month")] += int(nano_usd)
    for key, nano_usd in sorted(posted.items()):
        op.execute(_added(key, nano_usd))


def _added(key: tuple[int, str, str, str, str], nano_usd: int) -> Any:
    """Return the statement that adds an amount to a counter, which may not be there yet."""
    counters = sa.table("counters", *map(sa.column, (*_KEY, *_SUMS)))
    values = dict(zip(_KEY, key, strict=True)) | dict.fromkeys(_SUMS, 0) | {"posted": nano_usd}
    on_sqlite = op.get_bind().dialect.name == "sqlite"
    row = (sqlite if on_sqlite else postgresql).insert(counters).values(values)
    more = {"posted": counters.c.posted + row.excluded.posted}
    return row.on_conflict_do_update(index_elements=list(_KEY), set_=more)


def downgrade() -> None:
    """Refuse: an old version of sayso does not open a newer database, restore a backup instead."""
    raise NotImplementedError
