"""What is promised, what was there, and what comes back."""

import pytest

from sayso.dedicated.events import (
    BecameReady,
    CapacityReserved,
    Failed,
    Interrupted,
    ProvisioningStarted,
    StartAccepted,
    StopAccepted,
    Stopped,
)
from sayso.dedicated.sla import Availability, availability, credit
from tests.unit.dedicated.histories import SECOND, START, history, requested

BEGIN = ((0.0, requested()), (0.1, CapacityReserved("here")), (0.2, ProvisioningStarted()))


def down(at: float) -> Interrupted:
    return Interrupted(round((START + at) * SECOND), "crash")


@pytest.mark.parametrize(
    ("ready", "due", "percent"),
    [
        (10_000, 10_000, 0),
        (9_950, 10_000, 0),
        (9_949, 10_000, 10),
        (9_900, 10_000, 10),
        (9_899, 10_000, 25),
        (9_500, 10_000, 25),
        (9_499, 10_000, 100),
        (0, 10_000, 100),
        (0, 0, 0),
    ],
)
def test_the_less_was_there_the_more_comes_back(ready: int, due: int, percent: int) -> None:
    assert credit(1_000_000, Availability(ready, due)) == 10_000 * percent
    assert credit(0, Availability(ready, due)) == 0


def test_a_credit_is_rounded_up() -> None:
    assert credit(11, Availability(9_900, 10_000)) == 2


def test_one_per_cent_of_downtime() -> None:
    events = history(*BEGIN, (100, BecameReady()), (10_000, down(10_000)), (10_100, BecameReady()))
    found = availability(events, START + 100, START + 10_100)
    assert found == Availability(9_900, 10_000)
    assert credit(1_000, found) == 100


def test_what_somebody_asked_for_is_not_due() -> None:
    """Starting, draining and standing still are not; an interruption is, until somebody gives up on it."""
    events = history(
        *BEGIN,
        *((100, BecameReady()), (200, StopAccepted(30)), (230, Stopped()), (300, StartAccepted())),
        *((301, ProvisioningStarted()), (400, BecameReady()), (500, down(500)), (550, StopAccepted(0))),
        *((560, Stopped()),),
    )
    assert availability(events, START, START + 1_000) == Availability(200, 250)


def test_failing_for_good_counts_until_it_is_started_again() -> None:
    events = history(*BEGIN, (100, BecameReady()), (200, Failed("gone")), (250, StartAccepted()))
    assert availability(events, START, START + 1_000) == Availability(100, 150)
    never = history(*BEGIN, (100, Failed("no such file")))
    assert availability(never, START, START + 1_000) == Availability(0, 0)


def test_only_the_period_counts() -> None:
    events = history(*BEGIN, (100, BecameReady()), (1_000, down(950)), (1_100, BecameReady()))
    assert availability(events, START + 500, START + 1_000) == Availability(450, 500)
    assert availability(events, START + 5_000, START + 6_000) == Availability(1_000, 1_000)
