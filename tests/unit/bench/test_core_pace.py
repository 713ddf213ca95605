"""What a flood does is told from what another machine on the same hardware does."""

import pytest

from tests.acceptance.core_pace import Paced, slowdown

QUICK, SLOW = 0.0006, 0.0009  # seconds of the loop
USUAL = 0.3


def times(paces: list[float], factor: float = 1.0) -> list[Paced[float]]:
    """Return times that grow with the root of the pace, each a little longer than the one before."""
    return [
        Paced(USUAL * factor * (pace / QUICK) ** 0.5 * (1 + number / 1_000), pace)
        for number, pace in enumerate(paces)
    ]


MIXED = [QUICK, QUICK, QUICK, SLOW] * 25


def test_a_slower_core_is_no_slowdown() -> None:
    assert slowdown("slower", times(MIXED), times([SLOW] * 100)) == pytest.approx(1.0, abs=0.02)


def test_what_a_flood_takes_is_found_on_a_slower_and_on_a_quicker_core() -> None:
    assert slowdown("slower", times(MIXED), times([SLOW] * 100, 1.2)) == pytest.approx(1.2, abs=0.02)
    assert slowdown("quicker", times(MIXED), times([QUICK] * 100, 1.2)) == pytest.approx(1.2, abs=0.02)


def test_times_that_do_not_follow_the_pace_are_compared_as_they_are() -> None:
    idle = [Paced(USUAL, QUICK), Paced(USUAL, SLOW)] * 50
    flooded = [Paced(USUAL * 1.3, SLOW)] * 100
    assert slowdown("alike", idle, flooded) == pytest.approx(1.3)
