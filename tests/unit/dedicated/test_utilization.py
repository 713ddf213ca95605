"""How busy an instance was: what a gate counts, and what is made of it from look to look."""

import pytest

from sayso.dedicated.forecast import Size
from sayso.dedicated.gate import Gate
from sayso.dedicated.load import LoadSettings
from sayso.dedicated.utilization import Use, UseMeter, bucketed, summed
from sayso.ids import InstanceId

ONE, OTHER = InstanceId("inst_1"), InstanceId("inst_2")
MICRO = 1_000_000
AT = 1_677_672_000  # a minute begins


def test_a_gate_counts_the_time_of_those_that_it_let_through() -> None:
    gate = Gate(LoadSettings(2, 512, 2, 60_000, "queue"))
    first = gate.arrive(Size(1, 1), 100.0)
    gate.arrive(Size(1, 1), 101.0)
    waiting = gate.arrive(Size(1, 1), 102.0)
    assert gate.busy(104.0) == 4.0 + 3.0
    gate.leave(first, 105.0)  # who waited is let in
    assert gate.busy(106.0) == 5.0 + 5.0 + 1.0
    gate.leave(waiting, 107.0, ended=False)
    assert gate.busy(107.0) == gate.busy(107.0) == 5.0 + 6.0 + 2.0


def test_each_look_gives_what_is_new() -> None:
    meter = UseMeter()
    assert meter.look({ONE: (50.0, 4)}, AT * MICRO) == []
    assert meter.look({ONE: (60.0, 4), OTHER: (1.0, 1)}, (AT + 10) * MICRO) == [
        (ONE, Use(AT, 10_000, 40_000))
    ]
    # A new gate counts from 0, and may let more through.
    assert meter.look({ONE: (5.0, 8), OTHER: (2.5, 1)}, (AT + 20) * MICRO) == [
        (ONE, Use(AT, 5_000, 80_000)),
        (OTHER, Use(AT, 1_500, 10_000)),
    ]
    assert meter.look({OTHER: (2.5, 1)}, (AT + 60) * MICRO) == [(OTHER, Use(AT, 0, 40_000))]
    assert meter.look({ONE: (9.0, 8)}, (AT + 70) * MICRO) == []  # it was away


@pytest.mark.parametrize("seconds", [0, -5, 61])
def test_nothing_is_said_of_time_that_nobody_knows(seconds: int) -> None:
    meter = UseMeter()
    meter.look({ONE: (0.0, 1)}, AT * MICRO)
    assert meter.look({ONE: (1.0, 1)}, (AT + seconds) * MICRO) == []


def test_minutes_are_put_together() -> None:
    day = [Use(AT + 60 * minute, 1_000 * minute, 60_000) for minute in range(12)]
    assert bucketed(day, 300)[1] == Use(AT + 300, 35_000, 300_000)
    assert bucketed(reversed(day), 60) == tuple(day)
    assert summed(day, AT + 4_260 - 1) == {
        "last_hour": round(11_000 / 60_000, 4),
        "last_day": round(66_000 / 720_000, 4),
        "busiest_minute": round(11 / 60, 4),
    }
    assert summed([], AT) == {}
    assert Use(AT, 90_000, 60_000).share == 1.0  # its gate was open further for a while
