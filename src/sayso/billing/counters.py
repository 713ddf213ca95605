"""What each scope has used in each period: read once, changed in memory, written once for a batch."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from operator import attrgetter
from typing import Literal, NamedTuple, TypeAlias

from sqlalchemy import Connection, bindparam, select

from sayso.billing import upserts
from sayso.billing.money import checked
from sayso.billing.tables import Counter

Period: TypeAlias = Literal["minute", "day", "month"]
PERIODS: tuple[Period, ...] = ("minute", "day", "month")
MICROSECONDS = 1_000_000
MINUTES_KEPT = 120


class CounterKey(NamedTuple):
    """One counter; `model` is empty for all models together."""

    period_start: int
    scope_id: str
    scope_kind: str
    model: str
    period: str


@dataclass(frozen=True, slots=True)
class Tally:
    """A counter's values, or a change of them. `held` and `posted` are nano-dollars."""

    requests: int = 0
    tokens: int = 0
    audio_milliseconds: int = 0
    held: int = 0
    posted: int = 0

    def plus(self, other: "Tally") -> "Tally":
        """Return the sum. Raises `AmountOverflow`."""
        return Tally(
            self.requests + other.requests,
            checked(self.tokens + other.tokens),
            checked(self.audio_milliseconds + other.audio_milliseconds),
            checked(self.held + other.held),
            checked(self.posted + other.posted),
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a request counts for."""

    organization_id: str
    project_id: str
    api_key_id: str
    model: str
    snapshot: str

    @property
    def scopes(self) -> tuple[tuple[str, str], ...]:
        """Kind and id of every scope."""
        return (
            ("key", self.api_key_id),
            ("project", self.project_id),
            ("organization", self.organization_id),
        )

    def counters(self, moment: int) -> tuple[CounterKey, ...]:
        """Return the counters of a request that was admitted at `moment`, in Unix microseconds."""
        return _counters(self, moment // (60 * MICROSECONDS) * 60)


@lru_cache(maxsize=4_096)
def _counters(subject: Subject, minute: int) -> tuple[CounterKey, ...]:
    starts = [(period, period_start(period, minute * MICROSECONDS)) for period in PERIODS]
    whole = [
        CounterKey(start, scope_id, kind, "", period)
        for period, start in starts
        for kind, scope_id in subject.scopes
    ]
    by_model = [
        CounterKey(start, subject.project_id, "project", name, period)
        for period, start in starts
        if period != "month"
        for name in sorted({subject.model, subject.snapshot})
    ]
    return (*whole, *by_model)


def period_start(period: Period, moment: int) -> int:
    """Return when the period around `moment` (Unix microseconds) began, in Unix seconds."""
    seconds = moment // MICROSECONDS
    match period:
        case "minute":
            return seconds - seconds % 60
        case "day":
            return seconds - seconds % 86_400
        case "month":
            first = datetime.fromtimestamp(seconds, UTC).replace(day=1, hour=0, minute=0, second=0)
            return int(first.timestamp())


def period_end(period: Period, moment: int) -> int:
    """Return when the period around `moment` (Unix microseconds) ends, in Unix seconds."""
    start = period_start(period, moment)
    match period:
        case "minute":
            return start + 60
        case "day":
            return start + 86_400
        case "month":
            return period_start("month", (start + 32 * 86_400) * MICROSECONDS)


_TABLE = upserts.table_of(Counter)
_COUNTERS = select(*_TABLE.columns).where(
    _TABLE.c.period_start.in_(bindparam("starts", expanding=True)),
    _TABLE.c.scope_id.in_(bindparam("scopes", expanding=True)),
)


_WRITE = upserts.upserting(Counter, "replace")


class CounterSheet:
    """Counters in memory: read once, changed by each request, written by `flush`."""

    def __init__(self) -> None:
        self._sums: dict[CounterKey, tuple[int, ...]] = {}
        self._changed: set[CounterKey] = set()

    def __len__(self) -> int:
        return len(self._sums)

    def load(self, connection: Connection, keys: Iterable[CounterKey]) -> None:
        """Read those of `keys` that are not known yet; what is not there counts nothing."""
        wanted = set(keys) - self._sums.keys()
        if not wanted:
            return
        self._sums |= dict.fromkeys(wanted, _NOTHING)
        parameters = {
            "starts": list({key.period_start for key in wanted}),
            "scopes": list({key.scope_id for key in wanted}),
        }
        for row in connection.execute(_COUNTERS, parameters):
            key = CounterKey(*row[:5])
            if key in wanted:
                self._sums[key] = tuple(row[5:])

    def tally(self, key: CounterKey) -> Tally:
        """Return what is counted."""
        return Tally(*self._sums.get(key, _NOTHING))

    def add(self, keys: Iterable[CounterKey], change: Tally) -> None:
        """Add `change` to all of `keys`, or to none of them. Raises `AmountOverflow`."""
        more = _counts(change)
        if not any(more):
            return
        sums = {key: tuple(map(int.__add__, self._sums.get(key, _NOTHING), more)) for key in keys}
        for counts in sums.values():
            checked(max(counts))
            checked(min(counts))
        self._sums |= sums
        self._changed |= sums.keys()

    def flush(self, connection: Connection) -> None:
        """Write what has changed."""
        _WRITE.run(connection, [(*key, *self._sums[key]) for key in sorted(self._changed)])
        self._changed.clear()


_counts = attrgetter(*Tally.__slots__)
_NOTHING: tuple[int, ...] = (0,) * len(Tally.__slots__)
