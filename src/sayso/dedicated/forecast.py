"""How long requests that run will still take, learnt from how far they and those before them have come."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

REMEMBERED: Final = 64  # requests that have ended
PACE_SECONDS: Final = 1.0  # over how much time a request's pace is smoothed
UNKNOWN_SECONDS: Final = 1.0  # what a request is thought to take before anything is known


@dataclass(frozen=True, slots=True)
class Size:
    """A request: units that it brings, such as tokens of its prompt, and the most that are made of them.

    What is made are tokens of the answer or, for speech, milliseconds that are heard.
    """

    brought: int
    made: int

    @property
    def total(self) -> int:
        """All units."""
        return self.brought + self.made


@dataclass(slots=True)
class Pace:
    """Seconds for a unit, of late: what was long ago counts for less.

    Time and units are smoothed apart and divided then, for units may come several at a moment.
    """

    _seconds: float = 0.0
    _units: float = 0.0

    def note(self, units: float, seconds: float) -> None:
        """Take note that `units` took `seconds`."""
        kept = math.exp(-seconds / PACE_SECONDS)
        self._seconds = self._seconds * kept + seconds
        self._units = self._units * kept + units

    @property
    def value(self) -> float | None:
        """Seconds for a unit; None before anything is known."""
        return self._seconds / self._units if self._units else None


@dataclass(slots=True, eq=False)
class Progress:
    """How far a request is. Times are seconds of the clock that its gate goes by."""

    size: Size
    begun: float = 0.0
    done: int = 0
    last: float = 0.0
    pace: Pace = field(default_factory=Pace)  # as things are now


@dataclass(slots=True)
class Forecast:
    """What is known of the requests of one engine."""

    _pace: Pace = field(default_factory=Pace)
    _first: float | None = None  # seconds for a unit that is brought, up to the first that is made
    _lengths: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def advance(self, request: Progress, done: int, now: float) -> None:
        """Take note that a request has made `done` units in all: for itself and for others."""
        if done <= request.done:
            return
        if request.done or not request.size.brought:
            seconds = now - (request.last if request.done else request.begun)
            for pace in (request.pace, self._pace):
                pace.note(done - request.done, seconds)
        else:
            seconds = now - request.begun
            self._first = _smoothed(self._first, seconds / request.size.brought, PACE_SECONDS)
        request.done, request.last = done, now

    def end(self, request: Progress, now: float) -> None:
        """Take note that a request has ended by itself."""
        made = request.done
        if not made:
            return
        self._lengths.append(math.inf if made >= request.size.made else made)

    def left(self, request: Progress, now: float) -> float:
        """Return the seconds until a request ends."""
        pace = self._pace.value if request.pace.value is None else request.pace.value
        to_make = self._expected(request) - request.done
        if request.done:
            if pace is None:
                return UNKNOWN_SECONDS
            return max(to_make * pace - (now - request.last), pace)
        elapsed = now - request.begun
        return max(self._whole(request.size, to_make, pace) - elapsed, 0.0)

    def whole(self, size: Size) -> float:
        """Return the seconds that a request takes that has not begun."""
        return self._whole(size, self._expected(Progress(size)), self._pace.value)

    def _whole(self, size: Size, to_make: float, pace: float | None) -> float:
        if pace is None:
            return UNKNOWN_SECONDS
        return size.brought * (self._first or 0.0) + to_make * pace

    def _expected(self, request: Progress) -> float:
        """Return how many units it will make, given that it has made as many as it has.

        Others' lengths say it, each cut off at this one's limit; who stopped at a limit would have gone on.
        """
        most = request.size.made
        longer = [min(length, most) for length in self._lengths if length > request.done]
        return sum(longer) / len(longer) if longer else most


def free_in(left: Iterable[tuple[float, int]], slots: int, room: int) -> float:
    """Return the seconds until requests have ended that hold `slots` and `room` units together.

    `left` has the seconds and the units of each that runs.
    """
    seconds = 0.0
    for seconds_left, units in sorted(left):
        if slots <= 0 and room <= 0:
            break
        seconds, slots, room = seconds_left, slots - 1, room - units
    return seconds


def _smoothed(old: float | None, new: float, seconds: float) -> float:
    if old is None:
        return new
    weight = 1.0 - math.exp(-seconds / PACE_SECONDS)
    return old + weight * (new - old)
