"""Compare every hour and every day of usage with the events that it sums, a few rows at a time."""

from collections import Counter as Multiset
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any, TypeAlias

from sqlalchemy import Connection, Select, select

from sayso.billing import upserts
from sayso.billing.counters import CounterKey, Subject
from sayso.billing.tables import UsageDay, UsageEventRow, UsageHour
from sayso.billing.usage_events import HOUR, Sums, UsageRecord, add_up, day_of, hour_of
from sayso.db.base import Base
from sayso.db.prepared import Row

CHUNK = 1_000  # rows that are read at once
_HOUR, _DAY, _MICRO = 3_600, 86_400, 1_000_000

Period: TypeAlias = tuple[str, int]  # an organization, and the start of its hour or day in Unix seconds
Fault: TypeAlias = tuple[str, str, str]  # a table, the key of a row, and what is wrong with it


def ordered(model: type[Base]) -> Select[Any]:
    """Return the query of a whole table in the order of its primary key."""
    table = upserts.table_of(model)
    return select(table).order_by(*table.primary_key)


def in_chunks(connection: Connection, query: Select[Any]) -> Iterator[Sequence[Any]]:
    """Yield the rows some at a time."""
    # Closed with the generator, so also where a divergence ends the reading early.
    with connection.execute(query, execution_options={"yield_per": CHUNK}) as rows:
        yield from rows.partitions()


def one_by_one(connection: Connection, query: Select[Any]) -> Iterator[Any]:
    """Yield the rows."""
    for chunk in in_chunks(connection, query):
        yield from chunk


def events_by_hour(connection: Connection) -> Iterator[tuple[Period, Iterator[Any]]]:
    """Yield the usage events of each hour of each organization, in the order of the sums' tables."""
    table = upserts.table_of(UsageEventRow)
    query = select(table).order_by(table.c.organization_id, table.c.admitted_at)
    return groupby(
        one_by_one(connection, query), lambda row: (row.organization_id, row.admitted_at // HOUR * _HOUR)
    )


class UsageAudit:
    """The sums of one hour and of one day at a time, as events come in the order of `events_by_hour`."""

    def __init__(self, connection: Connection) -> None:
        self._hours = _Kept(connection, UsageHour, _HOUR)
        self._days = _Kept(connection, UsageDay, _DAY)
        self._hour: Sums = {}
        self._day: Sums = {}
        self._today: Period | None = None
        self._posted: dict[tuple[Subject, int], int] = {}

    def add(self, record: UsageRecord) -> None:
        """Add an event of the hour."""
        add_up(self._hour, *hour_of(record))

    def end_hour(self, at: Period) -> Fault | None:
        """Compare what was added with the rows of the hour `at`."""
        sums, self._hour = self._hour, {}
        org_id, start = at
        today = org_id, start - start % _DAY
        fault = self._end_day() if today != self._today else None
        self._today = today
        for key, amounts in sums.items():
            add_up(self._day, day_of(key), amounts)
        return fault or self._hours.fault(at, sums)

    def end(self) -> Fault | None:
        """Compare the last day, and tell of rows after all events."""
        return self._end_day() or self._hours.rest() or self._days.rest()

    def posted(self) -> "Multiset[CounterKey]":
        """Return what the counters of days and months have posted."""
        posted: Multiset[CounterKey] = Multiset()
        for (subject, day), amount in self._posted.items():
            for key in subject.counters(day * _MICRO):
                if key.period != "minute":
                    posted[key] += amount
        return posted

    def _end_day(self) -> Fault | None:
        sums, self._day = self._day, {}
        if self._today is None:
            return None
        for (org_id, day, project_id, key_id, _, model, snapshot, *_), amounts in sums.items():
            at = Subject(org_id, project_id, key_id, model, snapshot), day
            self._posted[at] = self._posted.get(at, 0) + sum(amounts[-_CHARGES:])
        return self._days.fault(self._today, sums)


_CHARGES = 3  # the last columns: what each meter was charged


class _Kept:
    """The rows of a table of sums, a period of `seconds` at a time."""

    def __init__(self, connection: Connection, model: type[Base], seconds: int) -> None:
        table = upserts.table_of(model)
        self._connection = connection
        self._name, self._width = table.name, len(table.primary_key)
        self._seconds = seconds
        self._periods = groupby(one_by_one(connection, ordered(model)), lambda row: (row[0], row[1]))

    def fault(self, at: Period, sums: Sums) -> Fault | None:
        """Compare the next period's rows with `sums`, which are those of the period `at`."""
        found, rows = next(self._periods, (None, iter(())))
        if found != at:
            if found is not None and not self._has_events(found):
                return self._wrong(next(rows))
            return self._name, repr(min(sums)), "missing"
        for row in rows:
            if sums.pop(self._key(row), None) != list(row[self._width :]):
                return self._wrong(row)
        return (self._name, repr(min(sums)), "missing") if sums else None

    def rest(self) -> Fault | None:
        """Tell of a row after all events."""
        return next((self._wrong(next(rows)) for _, rows in self._periods), None)

    def _key(self, row: Any) -> Row:
        return tuple(row[: self._width])

    def _wrong(self, row: Any) -> Fault:
        return self._name, repr(self._key(row)), "not the sum of the events"

    def _has_events(self, at: Period) -> bool:
        table = upserts.table_of(UsageEventRow)
        query = select(table.c.request_id).where(
            table.c.organization_id == at[0],
            table.c.admitted_at >= at[1] * _MICRO,
            table.c.admitted_at < (at[1] + self._seconds) * _MICRO,
        )
        return self._connection.execute(query.limit(1)).first() is not None
