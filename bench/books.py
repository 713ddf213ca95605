"""The rows that a ledger writes for requests: a chain of entries, events, sums, counters, balances, holds."""

from collections.abc import Iterator
from dataclasses import fields

from sqlalchemy import Table

from bench.bulk_load import Row
from sayso.billing import upserts
from sayso.billing.counters import MINUTES_KEPT, CounterKey, Tally
from sayso.billing.holds import HoldState
from sayso.billing.journal import FIRST_HASH, Posting, chained
from sayso.billing.ledger import CLOSED_HOLDS_SECONDS
from sayso.billing.tables import (
    AccountBalance,
    Counter,
    HoldRow,
    LedgerEntry,
    LedgerTransaction,
    UsageDay,
    UsageEventRow,
    UsageHour,
)
from sayso.billing.usage_events import HOUR, Sums, UsageRecord, add_up, day_of, hour_of
from sayso.db.base import Base

MICRO = 1_000_000
_HOLD_FIELDS = tuple(field.name for field in fields(HoldState))


class Books:
    """Takes requests in the order of their admission; `end` is the moment after the last."""

    def __init__(self, end: int) -> None:
        self.entries = 0
        self._end = end
        self._number, self._hash = 0, FIRST_HASH
        self._rows: dict[type[Base], list[Row]] = {}
        self._balances: dict[str, int] = {}
        self._hours: Sums = {}
        self._days: Sums = {}
        self._hour = 0
        self._counters: dict[CounterKey, list[int]] = {}
        self._day = 0
        self._counted: dict[object, tuple[list[int], ...]] = {}

    def add(self, record: UsageRecord) -> None:
        """Post one request; sometimes take one back, as an operator does."""
        posting, number = record.posting(), 0
        if posting is not None:
            number = self._post(posting)
            if number % 20_000 == 777:
                self._post(_reversal(posting, number))
        self._row(UsageEventRow, _event(record, number))
        self._count_hour(record)
        self._count(record)
        hold = record.hold
        if hold.admitted_at > self._end - CLOSED_HOLDS_SECONDS * MICRO:
            self._row(HoldRow, tuple(getattr(hold, name) for name in _HOLD_FIELDS))

    def take(self) -> Iterator[tuple[Table, list[Row]]]:
        """Yield the rows that are complete, by table, those first that others refer to."""
        for model in (LedgerTransaction, LedgerEntry, UsageEventRow, UsageHour, HoldRow):
            if rows := self._rows.pop(model, None):
                yield upserts.table_of(model), rows

    def rest(self) -> Iterator[tuple[Table, list[Row]]]:
        """Yield what is complete only at the end."""
        self._end_hour()
        yield from self.take()
        # As they are clustered.
        yield upserts.table_of(UsageDay), sorted((*key, *amounts) for key, amounts in self._days.items())
        yield upserts.table_of(Counter), sorted((*key, *sums) for key, sums in self._counters.items())
        yield upserts.table_of(AccountBalance), sorted(self._balances.items())

    def _row(self, model: type[Base], row: Row) -> None:
        self._rows.setdefault(model, []).append(row)

    def _post(self, posting: Posting) -> int:
        self._number += 1
        before, self._hash = self._hash, chained(self._hash, self._number, posting)
        self._row(
            LedgerTransaction,
            (
                *(self._number, posting.kind, posting.organization_id, posting.reference),
                *(posting.reverses, posting.posted_at, before, self._hash),
            ),
        )
        for position, (account, amount) in enumerate(posting.entries):
            self._row(LedgerEntry, (self._number, position, account, amount))
            self._balances[account] = self._balances.get(account, 0) + amount
        self.entries += len(posting.entries)
        return self._number

    def _count_hour(self, record: UsageRecord) -> None:
        key, amounts = hour_of(record)
        hour = record.hold.admitted_at // HOUR
        if hour != self._hour:
            self._end_hour()
            self._hour = hour
        add_up(self._hours, key, amounts)

    def _end_hour(self) -> None:
        """What ends an hour ends all its sums: requests come in order."""
        for key, amounts in self._hours.items():
            self._row(UsageHour, (*key, *amounts))
            add_up(self._days, day_of(key), amounts)
        self._hours = {}

    def _count(self, record: UsageRecord) -> None:
        hold = record.hold
        change = hold.counted
        if (day := hold.admitted_at // (86_400 * MICRO)) != self._day:
            self._day, self._counted = day, {}
        sheets = self._counted.get(hold.subject)
        if sheets is None:
            keys = (key for key in hold.subject.counters(hold.admitted_at) if key.period != "minute")
            sheets = tuple(self._sheet(key) for key in keys)
            self._counted[hold.subject] = sheets
        if hold.admitted_at > self._end - (MINUTES_KEPT - 1) * 60 * MICRO:
            keys = (key for key in hold.subject.counters(hold.admitted_at) if key.period == "minute")
            sheets = (*sheets, *map(self._sheet, keys))
        values = tuple(getattr(change, name) for name in Tally.__slots__)
        for sheet in sheets:
            for position, value in enumerate(values):
                sheet[position] += value

    def _sheet(self, key: CounterKey) -> list[int]:
        return self._counters.setdefault(key, [0] * len(Tally.__slots__))


def _event(record: UsageRecord, number: int) -> Row:
    hold, actual = record.hold, record.actual
    return (
        *(hold.request_id, hold.organization_id, hold.project_id, hold.api_key_id, hold.user_id),
        *(hold.endpoint, hold.kind, hold.model, hold.snapshot, hold.streamed, record.outcome),
        *(actual.prompt_tokens, actual.completion_tokens, actual.cached_tokens, actual.audio_milliseconds),
        *(
            hold.price_book_id,
            record.charge.amount,
            number,
            hold.admitted_at,
            record.settled_at,
            hold.instance_id,
        ),
    )


def _reversal(posting: Posting, number: int) -> Posting:
    turned = tuple((account, -amount) for account, amount in posting.entries)
    return Posting(
        "reversal", posting.organization_id, posting.reference, turned, posting.posted_at + MICRO, number
    )
