"""A clock that has jumped destroys nothing before its time."""

import pytest

from sayso.retention.clock import ClockGuard

START = 1_700_000_000_000_000  # microseconds
HOUR = 3_600.0  # seconds


def wall(seconds: float) -> int:
    return START + int(seconds * 1_000_000)


def guard() -> ClockGuard:
    made = ClockGuard()
    assert made.steady(wall(0), 0.0)
    return made


def test_a_clock_that_keeps_step_is_trusted() -> None:
    made = guard()
    assert all(made.steady(wall(n * 60 + n), n * 60) for n in range(100)), "slewed by a second a minute"


@pytest.mark.parametrize("jump", [HOUR, 31 * 24 * HOUR])
def test_a_leap_ahead_waits_for_as_long_as_it_was(jump: float) -> None:
    made = guard()
    assert not made.steady(wall(60 + jump), 60.0)
    assert not made.steady(wall(jump + jump), jump)
    assert made.steady(wall(60 + 2 * jump), 60 + jump)
    assert made.steady(wall(120 + 2 * jump), 120 + jump)


def test_a_step_back_waits_for_an_hour() -> None:
    made = guard()
    assert not made.steady(wall(60 - 10 * HOUR), 60.0)
    assert not made.steady(wall(59 - 9 * HOUR), 59 + HOUR)
    assert made.steady(wall(60 - 9 * HOUR), 60 + HOUR)


def test_a_clock_that_comes_back_is_trusted_at_once() -> None:
    made = guard()
    assert not made.steady(wall(60 + HOUR), 60.0)
    assert made.steady(wall(120), 120.0)


def test_the_last_look_counts_and_not_the_first() -> None:
    made = guard()
    assert made.steady(wall(60 + 200), 60.0)
    assert made.steady(wall(120 + 400), 120.0)
    assert not made.steady(wall(180 + 800), 180.0)
