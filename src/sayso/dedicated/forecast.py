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


@dataclass(slots=True, eq=False)
class Progress:
    """How far a request is. Times are seconds of the clock that its gate goes by."""

    size: Size
    begun: float = 0.0
    done: int = 0
    last: float = 0.0
    pace: float | None = None  # seconds for a unit, as things are now

    def advance(self, done: int, now: float) -> None:
        """Take note that `done` units have been made in all."""
        if done <= self.done:
            return
        if self.done or not self.size.brought:
            since = self.last if self.done else self.begun
            self.pace = _smoothed(self.pace, (now - since) / (done - self.done), now - since)
        self.done, self.last = done, now


@dataclass(slots=True)
class Forecast:
    """What is known of the requests of one engine."""

    _pace: float | None = None  # seconds for a unit
    _first: float | None = None  # seconds for a unit that is brought, up to the first that is made
    _lengths: deque[float] = field(default_factory=lambda: deque(maxlen=REMEMBERED))

    def advance(self, request: Progress, done: int, now: float) -> None:
        """Take note of a request's progress, for itself and for others."""
        if not request.done and request.size.brought:
            seconds = now - request.begun
            self._first = _smoothed(self._first, seconds / request.size.brought, PACE_SECONDS)
        since = request.last or request.begun
        request.advance(done, now)
        if request.pace is not None:
            self._pace = _smoothed(self._pace, request.pace, now - since)

    def end(self, request: Progress, now: float) -> None:
        """Take note that a request has ended by itself."""
        made = request.done
        if not made:
            return
        self._lengths.append(math.inf if made >= request.size.made else made)
        if request.pace is None and not request.size.brought:
            self._pace = _smoothed(self._pace, (now - request.begun) / made, PACE_SECONDS)

    def left(self, request: Progress, now: float) -> float:
        """Return the seconds until a request ends."""
        pace = request.pace if request.pace is not None else self._pace
        to_make = self._expected(request) - request.done
        if request.done:
            if pace is None:
                return UNKNOWN_SECONDS
            return max(to_make * pace - (now - request.last), pace)
        elapsed = now - request.begun
        return max(self._whole(request.size, to_make, pace) - elapsed, 0.0)

    def whole(self, size: Size) -> float:
        """Return the seconds that a request takes that has not begun."""
        return self._whole(size, self._expected(Progress(size)), self._pace)

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
