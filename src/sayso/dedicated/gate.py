"""Who may go on to an instance's engine now, who waits, and who is told when to come back.

The rules alone, with the moment as an argument; `sayso.dedicated.entrance` waits.
"""

from collections import deque
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal, TypeAlias

from sayso.dedicated.forecast import Forecast, Progress, Size, free_in
from sayso.dedicated.load import LoadSettings
from sayso.errors import InstanceOverloaded

SOONEST: Final = 0.001  # seconds; what is told is never "now"

PlaceState: TypeAlias = Literal["waiting", "running", "refused", "gone"]


@dataclass(slots=True, eq=False)
class Place:
    """A request before or behind the gate. `arrived` and `deadline` are the gate's seconds."""

    size: Size
    arrived: float
    deadline: float
    progress: Progress
    state: PlaceState = "waiting"
    units: int = 0  # what it holds of the room


@dataclass(slots=True)
class Gate:
    """Lets requests through in the order in which they came.

    `room` is how many units may be behind it at once, such as tokens in a cache; 0: any number. A request
    that is larger than that counts as filling it. Every method that lets somebody through returns them.
    """

    load: LoadSettings
    room: int = 0
    running: set[Place] = field(default_factory=set)
    waiting: deque[Place] = field(default_factory=deque)
    forecast: Forecast = field(default_factory=Forecast)
    units: int = 0
    past: float = 0.0  # seconds of requests that are gone
    full_at: float = -inf  # when somebody was last not let through at once

    def arrive(self, size: Size, now: float) -> Place:
        """Return a request's place, which may be running already. Raises `InstanceOverloaded`."""
        place = Place(size, now, now + self.load.max_wait_ms / 1_000, Progress(size), units=self._held(size))
        if not self.waiting and self._fits(place):
            self._begin(place, now)
            return place
        self.full_at = now
        if self.load.overflow == "queue" and len(self.waiting) < self.load.queue_depth:
            self.waiting.append(place)
        else:
            raise self._refusal(place, now)
        return place

    def advance(self, place: Place, done: int, now: float) -> None:
        """Take note that `done` units of the answer have been made."""
        self.forecast.advance(place.progress, done, now)

    def correct(self, place: Place, size: Size, now: float) -> list[Place]:
        """Take a better estimate of a running request's size."""
        if place.state != "running":
            return []
        place.size = place.progress.size = size
        self.units -= place.units
        place.units = self._held(size)
        self.units += place.units
        return self._admit(now)

    def leave(self, place: Place, now: float, *, ended: bool = True) -> list[Place]:
        """Let go of a place, whether it runs or waits; `ended` says that its work came to its own end."""
        if place.state == "running":
            self.running.discard(place)
            self.past += max(0.0, now - place.progress.begun)
            self.units -= place.units
            if ended:
                self.forecast.end(place.progress, now)
        elif place.state == "waiting":
            self.waiting.remove(place)
        place.state = "gone"
        return self._admit(now)

    def busy(self, now: float) -> float:
        """Return for how many seconds requests have run so far, all together."""
        return self.past + sum(max(0.0, now - place.progress.begun) for place in self.running)

    def expire(self, now: float) -> list[Place]:
        """Return the places that have waited for as long as they may; they are refused."""
        late = [place for place in self.waiting if place.deadline <= now]
        self._refuse(late)
        return late

    def change(self, load: LoadSettings, now: float) -> list[Place]:
        """Go by `load` from now on; whoever runs goes on, whoever waits may wait as long as was promised."""
        self.load = load
        for place in self.waiting:
            place.deadline = max(place.deadline, place.arrived + load.max_wait_ms / 1_000)
        return self._admit(now)

    def close(self) -> list[Place]:
        """Refuse everybody who waits."""
        waiting = list(self.waiting)
        self._refuse(waiting)
        return waiting

    def next_deadline(self) -> float | None:
        """Return the moment at which somebody will have waited for too long."""
        return min((place.deadline for place in self.waiting), default=None)

    def refusal(self, place: Place, now: float) -> InstanceOverloaded:
        """Return what a place is told that has waited in vain."""
        return self._refusal(place, now)

    def _begin(self, place: Place, now: float) -> None:
        place.state = "running"
        place.progress.begun = now
        self.running.add(place)
        self.units += place.units

    def _admit(self, now: float) -> list[Place]:
        admitted = []
        while self.waiting and self._fits(self.waiting[0]):
            place = self.waiting.popleft()
            self._begin(place, now)
            admitted.append(place)
        return admitted

    def _fits(self, place: Place) -> bool:
        if len(self.running) >= self.load.max_concurrency:
            return False
        return not self.room or self.units + place.units <= self.room

    def _refuse(self, places: list[Place]) -> None:
        for place in places:
            place.state = "refused"
            self.waiting.remove(place)

    def _held(self, size: Size) -> int:
        return min(size.total, self.room) if self.room else 0

    def _refusal(self, place: Place, now: float) -> InstanceOverloaded:
        return InstanceOverloaded(retry_after=max(SOONEST, self._available_in(place, now)))

    def _available_in(self, place: Place, now: float) -> float:
        """Return the seconds until it would be let in: to run, or to wait for no longer than it may."""
        left = [(self.forecast.left(other.progress, now), other.units) for other in self.running]
        ahead = [other for other in self.waiting if other is not place]
        if not ahead:
            slots = len(self.running) - self.load.max_concurrency + 1
            room = self.units + place.units - self.room if self.room else 0
            starts = free_in(left, slots, room)
            room_in_queue = 0.0
        else:
            ends = sorted(seconds for seconds, _ in left)[-self.load.max_concurrency :]
            begins = _in_turn(ends, [self.forecast.whole(other.size) for other in ahead])
            starts = begins[-1]
            full = len(ahead) - self.load.queue_depth
            room_in_queue = begins[full] if 0 <= full < len(ahead) else 0.0
        if self.load.overflow != "queue" or not self.load.queue_depth:
            return starts
        return max(room_in_queue, starts - self.load.max_wait_ms / 1_000)


def _in_turn(ends: list[float], lengths: list[float]) -> list[float]:
    """Return when each of `lengths` begins, and then when the next would, as slots become free at `ends`."""
    free = list(ends) or [0.0]
    begins = []
    for length in lengths:
        free.sort()
        begins.append(free[0])
        free[0] += length
    return [*begins, min(free)]
