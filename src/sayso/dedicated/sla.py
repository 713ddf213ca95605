"""What is given back where an instance was there for less of the time than promised."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sayso.dedicated.events import Event, Interrupted
from sayso.dedicated.states import RUNNING, Standing, State, step

_MICRO = 1_000_000
PROMISE: Final = 9_950  # ready for so many of 10,000 seconds that are due
# Ready for less than so many of 10,000: so many per cent of what the period cost are given back.
CREDITS: Final = ((9_500, 100), (9_900, 25), (PROMISE, 10))

_DOWN: frozenset[State] = frozenset({"provisioning", "failed"})


@dataclass(frozen=True, slots=True)
class Availability:
    """Of the seconds that an instance should have taken requests in a period, those that it did."""

    ready_seconds: int
    due_seconds: int

    @property
    def parts(self) -> int:
        """Ready seconds of 10,000 due ones, rounded down."""
        return self.ready_seconds * 10_000 // self.due_seconds if self.due_seconds else 10_000


def availability(events: Sequence[Event], start: int, end: int) -> Availability:
    """Return how available an instance with this history was in [start, end), Unix seconds.

    Due are the seconds in which it was ready or updating, and those in which it should have been: from when
    it was interrupted, or failed while it ran, until it was ready again or its project gave up. How long a
    start takes that somebody has asked for is not promised.
    """
    ready = due = 0
    before: Standing | None = None
    since, interrupted = 0, False
    for event in events:
        moment = _moment(event, since)
        if before is not None:
            ready += _within(before.state in RUNNING, since, moment, start, end)
            due += _within(before.state in RUNNING or interrupted, since, moment, start, end)
        after = step(before, event.change)
        was_due = interrupted or (before is not None and before.state in RUNNING)
        interrupted = was_due and after.state in _DOWN
        before, since = after, moment
    if before is not None:
        ready += _within(before.state in RUNNING, since, end * _MICRO, start, end)
        due += _within(before.state in RUNNING or interrupted, since, end * _MICRO, start, end)
    return Availability(ready // _MICRO, due // _MICRO)


def credit(charged: int, found: Availability) -> int:
    """Return the nano-dollars to give back of what was `charged` for the period."""
    if charged <= 0:
        return 0
    percent = next((percent for below, percent in CREDITS if _is_below(found, below)), 0)
    return -(-charged * percent // 100)  # up: in the customer's favour


def _is_below(found: Availability, parts: int) -> bool:
    return found.ready_seconds * 10_000 < parts * found.due_seconds


def _moment(event: Event, seen: int) -> int:
    match event.change:
        case Interrupted(since=since):
            return max(seen, since)
        case _:
            return event.wall


def _within(counts: bool, since: int, until: int, start: int, end: int) -> int:
    if not counts:
        return 0
    return max(0, min(until, end * _MICRO) - max(since, start * _MICRO))
