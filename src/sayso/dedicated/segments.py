"""From what happened to an instance to the seconds that are paid for: pure, and the same whoever asks again.

Time is counted in whole seconds, always in the customer's favour: what begins within a second begins with the
next one, what ends within a second has ended with it. On demand, seconds are paid for from the first moment
that a run is ready until a stop is accepted or the instance is interrupted; a run that its project ends is
paid for as 60 s at least, or whatever the price says, unless it was interrupted before. Draining and
provisioning, a failed start and the second host of an update cost nothing. A reserved instance is paid for
from when it was first ready to the end of its term, running or not.

Segments are cut at each hour of the clock and at each change of the configuration. All seconds of an hour
together cost the sum of seconds times price per hour, divided by 3,600 and rounded down, and each segment
what it adds to that: an hour costs exactly its price, however it is cut, and no part of one too much.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sayso.billing.pricing import HOUR_SECONDS
from sayso.dedicated.events import DeletionAccepted, Event, Interrupted, StartAccepted, StopAccepted
from sayso.dedicated.plan import Rate, Reserved
from sayso.dedicated.states import RUNNING, Standing, step

_MICRO = 1_000_000


@dataclass(frozen=True, slots=True)
class Span:
    """Seconds [start, end) in one configuration.

    `open` where the end is only as far as one can see; `firm` where nothing that still happens matters.
    """

    start: int
    end: int
    config_version: int
    rate: Rate
    units: int
    open: bool = False
    firm: bool = False


@dataclass(frozen=True, slots=True)
class Segment:
    """A span within one hour of the clock, with what it costs; `final` once nothing can change it."""

    start: int
    end: int
    config_version: int
    price_version: str
    nano_usd_per_hour: int
    nano_usd: int
    final: bool

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.end - self.start


def segments(events: Sequence[Event], until: int) -> tuple[Segment, ...]:
    """Return what is paid for of an instance with this history.

    `until` is the Unix second up to which it is known to have gone on.
    """
    return tuple(_priced(_by_hour(spans(events, until)), until))


def spans(events: Sequence[Event], until: int) -> list[Span]:
    """Return the time that is paid for, as it was run, in order."""
    history = list(_history(events))
    if not history:
        return []
    plan = history[0][1].plan
    found = list(_term(history, plan, until)) if isinstance(plan, Reserved) else _runs(history, until)
    return [span for span in found if span.start < span.end]


def _history(events: Iterable[Event]) -> Iterator[tuple[Event, Standing]]:
    """Yield each event with how the instance stood after it."""
    standing: Standing | None = None
    for event in events:
        standing = step(standing, event.change)
        yield event, standing


def _runs(history: Sequence[tuple[Event, Standing]], until: int) -> list[Span]:
    """Return the time of an instance on demand."""
    found: list[Span] = []
    begun = paid = 0  # seconds: where this run's payment begins, and up to where all before it is paid
    before: Standing | None = None
    seen = 0  # microseconds: the event before
    resumed = False  # whether a run goes on that was interrupted, which is no new one
    for event, standing in history:
        ran = before is not None and before.state in RUNNING
        runs = standing.state in RUNNING
        if runs and not ran:
            begun = paid = max(_up(event.wall), paid)
        elif ran and before is not None and runs:
            if standing.config_version != before.config_version and (cut := _up(event.wall)) > paid:
                found.append(_span(paid, cut, before))
                paid = cut
        elif ran and before is not None:
            least = 0 if resumed else before.rate.minimum_seconds
            end = max(begun, _end(event, seen, begun, least))
            resumed = isinstance(event.change, Interrupted)
            found.append(_span(paid, end, before))
            # A change of the configuration may have been charged to the end of the second that is not full.
            found = [replace(span, end=min(span.end, end), firm=True) for span in found]
            paid = end
        elif isinstance(event.change, StartAccepted):
            resumed = False
        before, seen = standing, event.wall
    if before is not None and before.state in RUNNING:
        found.append(_span(paid, until, before, is_open=True))
    return found


def _term(history: Sequence[tuple[Event, Standing]], plan: Reserved, until: int) -> Iterator[Span]:
    """Yield the time of a term, from when the instance was first ready."""
    first = next((at for at, (_, standing) in enumerate(history) if standing.state == "ready"), None)
    if first is None:
        return
    paid = max(plan.start, _up(history[first][0].wall))
    before = history[first][1]
    for event, standing in history[first + 1 :]:
        if standing.config_version != before.config_version:
            cut = min(max(paid, _up(event.wall)), plan.end)
            yield _span(paid, cut, before)
            paid = cut
        before = standing
    yield _span(paid, min(until, plan.end), before, is_open=until < plan.end)


def _end(event: Event, seen: int, begun: int, minimum: int) -> int:
    """Return the second with which a run's payment ends."""
    match event.change:
        case Interrupted(since=since):
            return max(since, seen) // _MICRO  # it was there when something else happened to it
        case StopAccepted() | DeletionAccepted():
            return max(event.wall // _MICRO, begun + minimum)
        case _:
            return event.wall // _MICRO


def _span(start: int, end: int, standing: Standing, *, is_open: bool = False) -> Span:
    units = standing.configuration.share.units
    return Span(start, end, standing.config_version, standing.rate, units, is_open)


def _by_hour(found: Iterable[Span]) -> Iterator[Span]:
    for span in found:
        start = span.start
        while start < span.end:
            end = min(span.end, start - start % HOUR_SECONDS + HOUR_SECONDS)
            more_comes = span.open and end == span.end and end % HOUR_SECONDS != 0
            yield replace(span, start=start, end=end, open=more_comes)
            start = end


def _priced(found: Iterable[Span], until: int) -> Iterator[Segment]:
    hour = owed = 0
    for span in found:
        if hour != span.start // HOUR_SECONDS:
            hour, owed = span.start // HOUR_SECONDS, 0
        per_hour = span.rate.of(span.units)
        after = owed + per_hour * (span.end - span.start)
        amount = after // HOUR_SECONDS - owed // HOUR_SECONDS
        owed = after
        yield Segment(
            span.start,
            span.end,
            span.config_version,
            span.rate.price_version,
            per_hour,
            amount,
            final=span.firm or (not span.open and span.end <= until),
        )


def _up(wall: int) -> int:
    """Return the first whole second at or after a moment in microseconds."""
    return -(-wall // _MICRO)
