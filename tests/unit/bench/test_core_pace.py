"""What a flood does is told from what another machine on the same hardware does."""

import pytest

from tests.acceptance.core_pace import WANTED, Compared, Paced

WHOLE, SHARED = 0.0006, 0.0009  # seconds of the loop
USUAL = 0.3


def seconds(paces: list[float], factor: float = 1.0) -> list[Paced[float]]:
    """Return times that grow with the root of the pace, each a little longer than the one before."""
    return [
        Paced(USUAL * factor * (pace / WHOLE) ** 0.5 * (1 + number / 100_000), pace)
        for number, pace in enumerate(paces)
    ]


def compared(idle: list[Paced[float]], flooded: list[Paced[float]]) -> Compared[float]:
    """Return what was measured."""
    return Compared("some", idle, flooded)


MOSTLY_WHOLE = [WHOLE, WHOLE, WHOLE, SHARED] * WANTED
MOSTLY_SHARED = [WHOLE, SHARED, SHARED, SHARED] * WANTED


def test_a_core_that_was_shared_more_often_beside_the_flood_is_no_slowdown() -> None:
    found = compared(seconds(MOSTLY_WHOLE), seconds(MOSTLY_SHARED))
    assert found.missing == 0
    assert found.slowdown("a time", float) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("idle", "flooded"), [(MOSTLY_WHOLE, MOSTLY_SHARED), (MOSTLY_SHARED, MOSTLY_WHOLE)])
def test_what_a_flood_takes_is_found_whatever_the_core_was(idle: list[float], flooded: list[float]) -> None:
    found = compared(seconds(idle), seconds(flooded, 1.2))
    assert found.slowdown("a time", float) == pytest.approx(1.2, abs=0.01)


def test_a_flood_that_takes_the_core_itself_leaves_nothing_to_compare() -> None:
    found = compared(seconds([WHOLE] * 200), seconds([SHARED] * 200))
    assert found.missing == WANTED
    with pytest.raises(AssertionError, match="too often"):
        found.slowdown("a time", float)


def test_nothing_measured_is_not_enough() -> None:
    assert compared([], []).missing == WANTED
