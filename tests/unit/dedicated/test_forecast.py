"""What is told of the time until there is room again, against what becomes of it."""

import heapq
import random

import pytest

from sayso.dedicated.forecast import Size
from sayso.dedicated.gate import Gate, Place
from sayso.dedicated.load import LoadSettings
from sayso.errors import InstanceOverloaded

REJECT = LoadSettings(4, 512, 0, 0, "reject")


class Engine:
    """Makes `made` units at a pace that depends on how many run; the clock is its own."""

    def __init__(self, gate: Gate, unit_seconds: float, brought_seconds: float) -> None:
        self.gate = gate
        self.now = 0.0
        self._unit = unit_seconds
        self._brought = brought_seconds
        self._next: list[tuple[float, int, Place]] = []
        self._lengths: dict[Place, int] = {}
        self._count = 0

    def begin(self, place: Place, length: int) -> None:
        """Let a request run; it makes `length` units."""
        self._lengths[place] = length
        self._plan(place, self._brought * place.size.brought)

    def until_one_ends(self) -> None:
        """Go on until the next request has ended, and leave it at that."""
        while True:
            self.now, _, place = heapq.heappop(self._next)
            done = place.progress.done + 1
            self.gate.advance(place, done, self.now)
            if done >= self._lengths[place]:
                self.gate.leave(place, self.now)
                return
            self._plan(place, self._unit * len(self.gate.running))

    def go_on(self, steps: int) -> None:
        """Make some units, of which none ends a request."""
        for _ in range(steps):
            moment, _, place = self._next[0]
            if place.progress.done + 1 >= self._lengths[place]:
                return
            heapq.heappop(self._next)
            self.now = moment
            self.gate.advance(place, place.progress.done + 1, self.now)
            self._plan(place, self._unit * len(self.gate.running))

    def _plan(self, place: Place, seconds: float) -> None:
        self._count += 1
        heapq.heappush(self._next, (self.now + seconds, self._count, place))


def told(gate: Gate, now: float) -> float:
    with pytest.raises(InstanceOverloaded) as refusal:
        gate.arrive(Size(100, 64), now)
    return refusal.value.retry_after


@pytest.mark.parametrize("seed", range(20))
def test_what_is_told_is_within_a_fifth_of_what_happens(seed: int) -> None:
    chance = random.Random(seed)
    gate = Gate(REJECT)
    engine = Engine(gate, 0.01, 0.001)
    for _ in range(4):
        engine.begin(gate.arrive(Size(100, 64), 0.0), 64)
    for turn in range(40):
        engine.go_on(chance.randrange(160))
        asked = engine.now
        promise = told(gate, asked)
        engine.until_one_ends()
        real = engine.now - asked
        if turn >= 4 and real > 0.02:  # before the first has ended, little is known
            assert promise == pytest.approx(real, rel=0.2, abs=0.01)
        engine.begin(gate.arrive(Size(100, 64), engine.now), 64)


def test_answers_shorter_than_they_may_be_are_expected_to_be_so() -> None:
    gate = Gate(LoadSettings(1, 512, 0, 0, "reject"))
    engine = Engine(gate, 0.01, 0.0)
    chance = random.Random(1)
    for _ in range(30):
        engine.begin(gate.arrive(Size(100, 2_000), engine.now), chance.randint(90, 110))
        engine.until_one_ends()
    engine.begin(gate.arrive(Size(100, 2_000), engine.now), 100)
    engine.go_on(10)
    assert told(gate, engine.now) == pytest.approx(0.9, rel=0.15)


def test_a_request_that_outlives_all_others_is_expected_to_reach_its_limit() -> None:
    gate = Gate(LoadSettings(1, 512, 0, 0, "reject"))
    engine = Engine(gate, 0.01, 0.0)
    for _ in range(10):
        engine.begin(gate.arrive(Size(100, 400), engine.now), 50)
        engine.until_one_ends()
    engine.begin(gate.arrive(Size(100, 400), engine.now), 400)
    engine.go_on(100)
    assert told(gate, engine.now) == pytest.approx(3.0, rel=0.1)


def test_tokens_that_come_several_at_a_moment_are_not_thought_slower() -> None:
    gate = Gate(LoadSettings(1, 512, 0, 0, "reject"))
    now = 0.0
    for _ in range(4):
        place = gate.arrive(Size(100, 96), now)
        now += 0.1
        for done in range(1, 97):
            now += 0.06 if done % 6 == 1 else 0.0  # six of 10 ms each
            gate.advance(place, done, now)
            if done == 37:
                assert gate.forecast.left(place.progress, now) == pytest.approx(0.59, rel=0.1)
        gate.leave(place, now)
    place = gate.arrive(Size(100, 96), now)
    assert told(gate, now) == pytest.approx(0.16 + 0.95, rel=0.1)


def test_speech_is_as_long_as_it_is() -> None:
    gate = Gate(LoadSettings(1, 512, 0, 0, "reject"))
    place = gate.arrive(Size(0, 30_000), 0.0)
    gate.advance(place, 30_000, 6.0)
    gate.leave(place, 6.0)
    gate.arrive(Size(0, 60_000), 10.0)
    assert told(gate, 13.0) == pytest.approx(9.0, rel=0.01)


def test_who_waits_is_counted_too() -> None:
    gate = Gate(LoadSettings(1, 512, 2, 1_000, "queue"))
    place = gate.arrive(Size(0, 1_000), 0.0)
    gate.advance(place, 1_000, 10.0)
    gate.leave(place, 10.0)
    gate.arrive(Size(0, 1_000), 10.0)
    for _ in range(2):
        gate.arrive(Size(0, 1_000), 10.0)
    # The queue has room again after 10 s; who comes then begins 20 s later, and waits 1 s at most.
    assert told(gate, 10.0) == pytest.approx(29.0, rel=0.01)


def test_time_since_the_last_unit_has_passed() -> None:
    gate = Gate(LoadSettings(1, 512, 0, 0, "reject"))
    place = gate.arrive(Size(0, 120_000), 0.0)
    gate.advance(place, 30_000, 6.0)
    assert told(gate, 9.0) == pytest.approx(15.0, rel=0.01)


def test_below_a_lowered_concurrency_several_have_to_end_first() -> None:
    gate = Gate(LoadSettings(3, 512, 0, 0, "reject"))
    places = [gate.arrive(Size(0, 1_000 * (number + 1)), 0.0) for number in range(3)]
    for place in places:
        gate.advance(place, 500, 5.0)
    gate.change(LoadSettings(2, 512, 0, 0, "reject"), 5.0)
    assert told(gate, 5.0) == pytest.approx(15.0, rel=0.01)
