"""The gate's rules, for any order of arrivals, ends, changes and moments."""

from collections import deque
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sayso.dedicated.forecast import Size
from sayso.dedicated.gate import Gate, Place
from sayso.dedicated.load import OVERFLOWS, LoadSettings, Overflow
from sayso.errors import InstanceOverloaded

LOADS = st.builds(
    LoadSettings,
    max_concurrency=st.integers(1, 5),
    max_batch_tokens=st.just(512),
    queue_depth=st.integers(0, 4),
    max_wait_ms=st.integers(0, 2_000),
    overflow=st.sampled_from(OVERFLOWS),
)
SIZES = st.builds(Size, brought=st.integers(0, 60), made=st.integers(1, 60))
QUEUE = LoadSettings(2, 512, 2, 1_000, "queue")


class GateMachine(RuleBasedStateMachine):
    """Does to a gate whatever can be done, with a clock that is set by hand."""

    @initialize(load=LOADS, room=st.sampled_from([0, 50, 150]))
    def open(self, load: LoadSettings, room: int) -> None:
        self.gate = Gate(load, room)
        self.now = 100.0
        self.line: deque[Place] = deque()  # who waits, in the order in which they came
        self.inside: list[Place] = []  # in the order in which they were let in: the same in every run
        self.most = load.max_concurrency

    @rule(size=SIZES)
    def arrive(self, size: Size) -> None:
        load = self.gate.load
        if not self.line and not self._full(size):
            place = self.gate.arrive(size, self.now)  # nobody is turned away for whom there is room
            self._let_in(place)
        elif load.overflow == "queue" and len(self.line) < load.queue_depth:
            place = self.gate.arrive(size, self.now)  # nobody is overtaken
            assert place.state == "waiting"
            self.line.append(place)
        else:
            with pytest.raises(InstanceOverloaded) as refusal:
                self.gate.arrive(size, self.now)
            assert 0 < refusal.value.retry_after < 1e6

    @precondition(lambda self: self.inside)
    @rule(which=st.integers(0), ended=st.booleans())
    def leave(self, which: int, *, ended: bool) -> None:
        place = self.inside[which % len(self.inside)]
        self.inside.remove(place)
        self._admitted(self.gate.leave(place, self.now, ended=ended))

    @precondition(lambda self: self.line)
    @rule(which=st.integers(0))
    def give_up(self, which: int) -> None:
        place = self.line[which % len(self.line)]
        self.line.remove(place)
        self._admitted(self.gate.leave(place, self.now))
        assert place not in self.gate.waiting

    @precondition(lambda self: self.inside)
    @rule(which=st.integers(0), done=st.integers(1, 60))
    def advance(self, which: int, done: int) -> None:
        place = self.inside[which % len(self.inside)]
        self.gate.advance(place, done, self.now)

    @precondition(lambda self: self.inside)
    @rule(which=st.integers(0), size=SIZES)
    def correct(self, which: int, size: Size) -> None:
        place = self.inside[which % len(self.inside)]
        self._admitted(self.gate.correct(place, size, self.now))

    @rule(load=LOADS)
    def change(self, load: LoadSettings) -> None:
        promised = {place: place.deadline for place in self.line}
        self.most = max(load.max_concurrency, len(self.inside))
        self._admitted(self.gate.change(load, self.now))
        assert all(place.deadline >= promised[place] for place in self.line)

    @rule(seconds=st.floats(0.001, 3))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        late = self.gate.expire(self.now)
        assert late == [place for place in self.line if place.deadline <= self.now]
        for place in late:
            assert place.state == "refused"
            self.line.remove(place)

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "gate"):
            return
        gate = self.gate
        assert list(gate.waiting) == list(self.line)
        assert gate.running == set(self.inside)
        assert gate.units == sum(place.units for place in self.inside)
        assert len(self.inside) <= max(self.most, gate.load.max_concurrency)
        if gate.room and not any(place.units > gate.room for place in self.inside):
            assert all(place.units <= gate.room for place in self.inside)
        if self.line:  # whoever waits does so for a reason
            assert self._full(self.line[0].size)

    def _full(self, size: Size) -> bool:
        if len(self.inside) >= self.gate.load.max_concurrency:
            return True
        held = min(size.total, self.gate.room)
        return bool(self.gate.room) and self.gate.units + held > self.gate.room

    def _let_in(self, place: Place) -> None:
        assert place.state == "running"
        assert len(self.inside) < self.gate.load.max_concurrency
        self.inside.append(place)

    def _admitted(self, places: list[Place]) -> None:
        for place in places:
            assert place is self.line.popleft()
            self._let_in(place)


TestGateMachine = GateMachine.TestCase
TestGateMachine.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_a_request_larger_than_the_room_gets_through_alone() -> None:
    gate = Gate(QUEUE, room=100)
    large = gate.arrive(Size(500, 500), 0.0)
    assert large.state == "running"
    assert gate.arrive(Size(1, 1), 0.0).state == "waiting"
    assert gate.leave(large, 1.0)


def test_a_better_estimate_makes_room() -> None:
    gate = Gate(QUEUE, room=100)
    first = gate.arrive(Size(60, 20), 0.0)
    second = gate.arrive(Size(20, 20), 0.0)
    assert second.state == "waiting"
    assert gate.correct(first, Size(10, 20), 0.1) == [second]


@pytest.mark.parametrize("overflow", OVERFLOWS)
def test_only_a_queue_lets_wait(overflow: Overflow) -> None:
    gate = Gate(replace(QUEUE, overflow=overflow, max_concurrency=1))
    gate.arrive(Size(1, 1), 0.0)
    if overflow == "queue":
        assert gate.arrive(Size(1, 1), 0.0).state == "waiting"
    else:
        with pytest.raises(InstanceOverloaded):
            gate.arrive(Size(1, 1), 0.0)


def test_a_small_request_does_not_overtake_a_large_one() -> None:
    gate = Gate(QUEUE, room=100)
    gate.arrive(Size(50, 10), 0.0)
    assert gate.arrive(Size(50, 10), 0.0).state == "waiting"
    assert gate.arrive(Size(5, 5), 0.0).state == "waiting"
