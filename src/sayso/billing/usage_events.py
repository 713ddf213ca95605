"""What was consumed, as rows: one event for each request, and the sums of each hour."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, insert

from sayso.billing import upserts
from sayso.billing.holds import HoldState
from sayso.billing.journal import Posting, receivable, revenue
from sayso.billing.pricing import Charge
from sayso.billing.tables import UsageEventRow, UsageHour
from sayso.core.metering import Outcome, Quantities, billable

HOUR = 3_600_000_000  # microseconds
_SAME = ("organization_id", "project_id", "api_key_id", "user_id", "model", "snapshot", "endpoint")


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
    """Insert the events, each with the number of its transaction or 0, and add them to their hours."""
    if not records:
        return
    events = [_event(record, number) for record, number in records]
    connection.execute(_INSERT, events)
    hours: dict[tuple[Any, ...], dict[str, Any]] = {}
    for record, _ in records:
        row = hour_of(record)
        key = tuple(row[name] for name in _HOUR_KEY)
        known = hours.setdefault(key, row)
        if known is not row:
            known |= {name: known[name] + row[name] for name in _HOUR_SUMS}
    upserts.add(connection, UsageHour, list(hours.values()))


_INSERT = insert(upserts.table_of(UsageEventRow))
_HOUR_TABLE = upserts.table_of(UsageHour)
_HOUR_KEY = tuple(column.name for column in _HOUR_TABLE.primary_key)
_HOUR_SUMS = tuple(column.name for column in _HOUR_TABLE.columns if column.name not in _HOUR_KEY)


def hour_of(record: UsageRecord) -> dict[str, Any]:
    """Return what one event adds to its hour."""
    hold, counted = record.hold, record.counted
    failed = record.outcome == "failed"
    return {
        **{name: getattr(hold, name) for name in _SAME},
        "hour": hold.admitted_at // HOUR * 3_600,
        "price_book_id": hold.price_book_id,
        "requests": 0 if failed else 1,
        "failed_requests": 1 if failed else 0,
        "prompt_tokens": counted.prompt_tokens,
        "completion_tokens": counted.completion_tokens,
        "cached_tokens": counted.cached_tokens,
        "audio_milliseconds": counted.audio_milliseconds,
        "audio_seconds": whole_seconds(counted.audio_milliseconds),
        "prompt_charge": record.charge.of("prompt_tokens"),
        "completion_charge": record.charge.of("completion_tokens"),
        "audio_charge": record.charge.of("audio_milliseconds"),
    }


def whole_seconds(milliseconds: int) -> int:
    """Return the nearest second, ties up, at least 1 for any audio."""
    return max(1, (milliseconds + 500) // 1_000) if milliseconds else 0


def _event(record: UsageRecord, transaction_id: int) -> dict[str, Any]:
    hold, actual = record.hold, record.actual
    return {
        **{name: getattr(hold, name) for name in _SAME},
        "request_id": hold.request_id,
        "kind": hold.kind,
        "streamed": hold.streamed,
        "outcome": record.outcome,
        "prompt_tokens": actual.prompt_tokens,
        "completion_tokens": actual.completion_tokens,
        "cached_tokens": actual.cached_tokens,
        "audio_milliseconds": actual.audio_milliseconds,
        "price_book_id": hold.price_book_id,
        "charge": record.charge.amount,
        "transaction_id": transaction_id,
        "admitted_at": hold.admitted_at,
        "settled_at": record.settled_at,
    }
