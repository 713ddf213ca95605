"""What was consumed, as rows: one event for each request, and the sums of each hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from sayso.billing import upserts
from sayso.billing.holds import HoldState
from sayso.billing.journal import Posting, receivable, revenue
from sayso.billing.pricing import Charge
from sayso.billing.tables import UsageDay, UsageEventRow, UsageHour
from sayso.core.metering import Outcome, Quantities, billable
from sayso.db.prepared import Row

HOUR = 3_600_000_000  # microseconds

Sums: TypeAlias = dict[Row, list[int]]  # by the primary key of an hour or a day


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """One request's end: the hold it had, what was counted, what is charged. Moments are microseconds."""

    hold: HoldState
    actual: Quantities
    outcome: Outcome
    charge: Charge
    settled_at: int

    @property
    def counted(self) -> Quantities:
        """What is billed and counted."""
        return billable(self.actual, self.outcome)

    @property
    def evidence(self) -> tuple[str | int, ...]:
        """Everything that the charge depends on, for the ledger's hash."""
        hold, actual = self.hold, self.actual
        return evidence(
            (hold.organization_id, hold.project_id, hold.api_key_id, hold.user_id, hold.model, hold.snapshot),
            (hold.price_book_id, hold.admitted_at),
            actual,
        )

    def posting(self) -> Posting | None:
        """Return the transaction to post; None where nothing is charged."""
        hold, amount = self.hold, self.charge.amount
        if not amount:
            return None
        earned = [(revenue(line.meter), -line.amount) for line in self.charge.lines if line.amount]
        entries = ((receivable(hold.organization_id), amount), *earned)
        return Posting(
            "charge", hold.organization_id, hold.request_id, entries, self.settled_at, evidence=self.evidence
        )


def evidence(names: Sequence[str], numbers: Sequence[int], actual: Quantities) -> tuple[str | int, ...]:
    """Return what the ledger's hash covers of a usage event, in a fixed order."""
    counts = (
        actual.prompt_tokens,
        actual.completion_tokens,
        actual.cached_tokens,
        actual.audio_milliseconds,
    )
    return (*names, *numbers, *counts)


def write(connection: Connection, records: Sequence[tuple[UsageRecord, int]]) -> None:
    """Insert the events, each with the number of its transaction or 0, and add them to hours and days."""
    _INSERT.run(connection, [_event(record, number) for record, number in records])
    hours: Sums = {}
    for record, _ in records:
        add_up(hours, *hour_of(record))
    days: Sums = {}
    for hour, amounts in hours.items():
        add_up(days, day_of(hour), amounts)
    _ADD_HOURS.run(connection, [(*key, *amounts) for key, amounts in hours.items()])
    _ADD_DAYS.run(connection, [(*key, *amounts) for key, amounts in days.items()])


_INSERT = upserts.inserting(UsageEventRow)
_ADD_HOURS = upserts.upserting(UsageHour, "add")
_ADD_DAYS = upserts.upserting(UsageDay, "add")


def add_up(sums: Sums, key: Row, amounts: list[int]) -> None:
    """Add `amounts` to what `sums` has under `key`."""
    known = sums.get(key)
    sums[key] = [a + b for a, b in zip(known, amounts, strict=True)] if known else amounts


def hour_of(record: UsageRecord) -> tuple[Row, list[int]]:
    """Return the hour that one event counts for, by the primary key, and what it adds to each column."""
    hold, counted, charge = record.hold, record.counted, record.charge
    failed = record.outcome == "failed"
    key = (
        hold.organization_id,
        hold.admitted_at // HOUR * 3_600,
        hold.project_id,
        hold.api_key_id,
        hold.user_id,
        hold.model,
        hold.snapshot,
        hold.endpoint,
        hold.price_book_id,
    )
    return key, [
        0 if failed else 1,
        1 if failed else 0,
        counted.prompt_tokens,
        counted.completion_tokens,
        counted.cached_tokens,
        counted.audio_milliseconds,
        whole_seconds(counted.audio_milliseconds),
        charge.of("prompt_tokens"),
        charge.of("completion_tokens"),
        charge.of("audio_milliseconds"),
    ]


def day_of(hour: Row) -> Row:
    """Return the key of the day that an hour is in."""
    organization_id, start, *rest = hour
    return (organization_id, start - start % 86_400, *rest)


def whole_seconds(milliseconds: int) -> int:
    """Return the nearest second, ties up, at least 1 for any audio."""
    return max(1, (milliseconds + 500) // 1_000) if milliseconds else 0


def _event(record: UsageRecord, transaction_id: int) -> Row:
    hold, actual = record.hold, record.actual
    return (
        hold.request_id,
        hold.organization_id,
        hold.project_id,
        hold.api_key_id,
        hold.user_id,
        hold.endpoint,
        hold.kind,
        hold.model,
        hold.snapshot,
        hold.streamed,
        record.outcome,
        actual.prompt_tokens,
        actual.completion_tokens,
        actual.cached_tokens,
        actual.audio_milliseconds,
        hold.price_book_id,
        record.charge.amount,
        transaction_id,
        hold.admitted_at,
        record.settled_at,
        hold.instance_id,
    )
