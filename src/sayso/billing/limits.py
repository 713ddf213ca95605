"""Whether a request fits under rate limits and budgets: pure rules over what is counted."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.billing.counters import MICROSECONDS, CounterKey, Period, Subject, Tally, period_end, period_start
from sayso.core.metering import Quantities
from sayso.core.rate_limits import Allowance, RateLimitState
from sayso.errors import QuotaExceeded, RateLimited

LimitedMeter: TypeAlias = Literal["requests", "tokens", "audio_seconds"]
Counted: TypeAlias = Callable[[CounterKey], Tally]


@dataclass(frozen=True, slots=True)
class RateLimitRule:
    """At most `value` of `meter` in a period; `model` is empty for all models together."""

    scope_id: str
    scope_kind: str
    model: str
    meter: LimitedMeter
    period: Literal["minute", "day"]
    value: int


@dataclass(frozen=True, slots=True)
class BudgetRule:
    """At most this many nano-dollars in a period."""

    scope_id: str
    scope_kind: str
    period: Period
    nano_usd: int


@dataclass(frozen=True, slots=True)
class _Reading:
    """One limit, in its own unit except audio, which is counted in milliseconds."""

    rule: RateLimitRule
    used: int
    requested: int
    reset: float

    @property
    def unit(self) -> int:
        return 1_000 if self.rule.meter == "audio_seconds" else 1

    @property
    def exceeded(self) -> bool:
        return self.used + self.requested > self.rule.value * self.unit

    @property
    def remaining(self) -> int:
        """What would be left with this request counted in."""
        return max(0, self.rule.value - -(-(self.used + self.requested) // self.unit))


def check_rate_limits(
    rules: Iterable[RateLimitRule], counted: Counted, subject: Subject, worst: Quantities, moment: int
) -> RateLimitState:
    """Return what is left of the limits once the request is counted in.

    Raises `RateLimited` for the limit that takes longest to wait for.
    """
    readings = [_read(rule, counted, worst, moment) for rule in rules if _applies(rule, subject)]
    exceeded = [reading for reading in readings if reading.exceeded]
    if exceeded:
        raise _refusal(max(exceeded, key=lambda one: one.reset), subject)
    return RateLimitState(_tightest(readings, "requests"), _tightest(readings, "tokens"))


def check_budgets(
    rules: Iterable[BudgetRule], counted: Counted, subject: Subject, amount: int, moment: int
) -> None:
    """Raise `QuotaExceeded` where what is posted, held and asked for exceeds a budget."""
    for rule in rules:
        if (rule.scope_kind, rule.scope_id) in subject.scopes:
            start = period_start(rule.period, moment)
            tally = counted(CounterKey(start, rule.scope_id, rule.scope_kind, "", rule.period))
            if tally.posted + tally.held + amount > rule.nano_usd:
                raise QuotaExceeded


def _applies(rule: RateLimitRule, subject: Subject) -> bool:
    if rule.model and (rule.scope_kind != "project" or rule.model not in (subject.model, subject.snapshot)):
        return False
    return (rule.scope_kind, rule.scope_id) in subject.scopes


def _read(rule: RateLimitRule, counted: Counted, worst: Quantities, moment: int) -> _Reading:
    start = period_start(rule.period, moment)
    tally = counted(CounterKey(start, rule.scope_id, rule.scope_kind, rule.model, rule.period))
    reset = period_end(rule.period, moment) - moment / MICROSECONDS
    match rule.meter:
        case "requests":
            return _Reading(rule, tally.requests, 1, reset)
        case "tokens":
            return _Reading(rule, tally.tokens, worst.tokens, reset)
        case "audio_seconds":
            return _Reading(rule, tally.audio_milliseconds, worst.audio_milliseconds, reset)


def _tightest(readings: list[_Reading], meter: LimitedMeter) -> Allowance | None:
    of_meter = [reading for reading in readings if reading.rule.meter == meter]
    if not of_meter:
        return None
    least = min(of_meter, key=lambda one: one.remaining)
    return Allowance(least.rule.value, least.remaining, least.reset)


def _refusal(reading: _Reading, subject: Subject) -> RateLimited:
    rule = reading.rule
    return RateLimited(
        meter=rule.meter,
        period=rule.period,
        limit=rule.value,
        remaining=max(0, rule.value - -(-reading.used // reading.unit)),
        requested=-(-reading.requested // reading.unit),
        retry_after=reading.reset,
        model=subject.model,
        scope=f"{rule.scope_kind} {rule.scope_id}",
    )
