"""Seconds that are paid for: against an oracle that looks at every second by itself."""

import random
from collections.abc import Sequence
from fractions import Fraction

import pytest

from sayso.dedicated.events import (
    BecameReady,
    CapacityReserved,
    Change,
    DeletionAccepted,
    Event,
    Failed,
    Interrupted,
    ProvisioningStarted,
    StartAccepted,
    StopAccepted,
    Stopped,
    UpdateAbandoned,
    UpdateAccepted,
)
from sayso.dedicated.plan import Rate, Reserved
from sayso.dedicated.segments import Segment, segments, spans
from sayso.dedicated.states import State, step
from sayso.errors import InstanceStateConflict
from tests.unit.dedicated.histories import HOUR, PER_HOUR, RATE, SECOND, START, config, history, requested

BEGIN = ((0.0, requested()), (0.1, CapacityReserved("here")), (0.2, ProvisioningStarted()))
FREE_START = Rate(PER_HOUR, "launch", 0)


def update(version: int, cores: int, *, restart: bool = True) -> UpdateAccepted:
    return UpdateAccepted(config(cores), RATE, version, restart)


def paid(found: Sequence[Segment]) -> list[tuple[int, int, int]]:
    """Begin, end and configuration, in seconds after `START`."""
    return [(one.start - START, one.end - START, one.config_version) for one in found]


def test_time_is_paid_for_from_ready_to_the_stop_and_not_while_it_drains() -> None:
    events = history(
        *BEGIN, (9.3, BecameReady()), (100.9, StopAccepted(30)), (120, Stopped()), (150, StartAccepted())
    )
    found = segments(events, START + 500)
    assert paid(found) == [(10, 100, 1)]
    assert found[0].nano_usd == 90 * PER_HOUR // HOUR
    assert found[0].final


def test_a_run_that_its_project_ends_is_a_minute_at_least_and_one_that_we_end_is_not() -> None:
    stopped = history(*BEGIN, (10, BecameReady()), (15, StopAccepted(0)))
    assert paid(segments(stopped, START + 15)) == [(10, 70, 1)]
    deleted = history(*BEGIN, (10, BecameReady()), (15, DeletionAccepted(0)))
    assert paid(segments(deleted, START + 15)) == [(10, 70, 1)]
    crashed = history(*BEGIN, (10, BecameReady()), (15, Interrupted((START + 15) * SECOND, "crash")))
    assert paid(segments(crashed, START + 99)) == [(10, 15, 1)]


def test_a_run_that_was_interrupted_has_had_its_minute() -> None:
    crash = Interrupted((START + 15) * SECOND, "crash")
    resumed = ((10, BecameReady()), (15, crash), (20, BecameReady()), (22, StopAccepted(0)))
    assert paid(segments(history(*BEGIN, *resumed), START + 99)) == [(10, 15, 1), (20, 22, 1)]


def test_minutes_of_two_runs_do_not_overlap() -> None:
    again = (
        *((16, Stopped()), (17, StartAccepted()), (18, ProvisioningStarted())),
        *((20, BecameReady()), (30, StopAccepted(0))),
    )
    events = history(*BEGIN, (10, BecameReady()), (15, StopAccepted(0)), *again)
    assert paid(segments(events, START + 99)) == [(10, 70, 1), (70, 130, 1)]


def test_a_start_that_fails_costs_nothing() -> None:
    failed = history(*BEGIN, (300, Failed("no such file")))
    assert segments(failed, START + 10_000) == ()
    assert segments(history(*BEGIN), START + 10_000) == ()
    assert segments([], START) == ()


def test_an_update_is_one_instance_however_many_hosts_it_has() -> None:
    events = history(*BEGIN, (10, BecameReady()), (100, update(2, 2)), (160.5, BecameReady()))
    found = segments(events, START + 1_000)
    assert paid(found) == [(10, 161, 1), (161, 1_000, 2)]
    assert (found[0].nano_usd_per_hour, found[1].nano_usd_per_hour) == (PER_HOUR, 2 * PER_HOUR)
    given_up = history(*BEGIN, (10, BecameReady()), (100, update(2, 2)), (160, UpdateAbandoned("too big")))
    assert paid(segments(given_up, START + 1_000)) == [(10, 1_000, 1)]


def test_what_the_last_heartbeat_has_not_seen_is_not_paid_for() -> None:
    seen = (START + 1_234) * SECOND + 900_000
    events = history(*BEGIN, (10, BecameReady()), (1_300, Interrupted(seen, "The server was restarted.")))
    assert paid(segments(events, START + 5_000)) == [(10, 1_234, 1)]


@pytest.mark.parametrize("cores", [1, 2, 3, 7])
def test_an_hour_costs_exactly_its_price_however_it_is_cut(cores: int) -> None:
    draw = random.Random(cores)
    for _ in range(50):
        cuts = sorted({0, *(draw.randrange(1, HOUR) for _ in range(draw.randrange(12)))})
        steps = [(float(cut), update(at, cores, restart=False)) for at, cut in enumerate(cuts, 2)]
        events = history((-9.0, requested()), (-8.0, CapacityReserved("here")), (-7.0, ProvisioningStarted()))
        begun = [*events, *history((-5.0, BecameReady()), *steps)]
        found = [one for one in segments(begun, START + HOUR) if one.start >= START]
        assert sum(one.nano_usd for one in found) == cores * PER_HOUR
        assert all(one.final for one in found)


def test_a_part_of_an_hour_is_never_rounded_up() -> None:
    for seconds in range(1, 200):
        events = history(
            *((0, requested(rate=FREE_START)), (0, CapacityReserved("here")), (0, ProvisioningStarted())),
            *((0, BecameReady()), (seconds, StopAccepted(0))),
        )
        amount = sum(one.nano_usd for one in segments(events, START + HOUR))
        assert amount == seconds * PER_HOUR // HOUR


def test_segments_are_cut_at_the_hour_and_final_once_they_can_not_change() -> None:
    events = history(*BEGIN, (10, BecameReady()))
    found = segments(events, START + 2 * HOUR + 5)
    assert paid(found) == [(10, HOUR, 1), (HOUR, 2 * HOUR, 1), (2 * HOUR, 2 * HOUR + 5, 1)]
    assert [one.final for one in found] == [True, True, False]
    # A change within the second that is known so far may still be followed by a stop in the same second.
    cut = history(*BEGIN, (10, BecameReady()), (100.2, update(2, 2, restart=False)))
    assert [one.final for one in segments(cut, START + 100)] == [False]
    stopped = [*cut, *history((100.8, StopAccepted(0)))]
    assert paid(segments(stopped, START + 100)) == [(10, 100, 1)]


def term(start: float, end: float) -> Reserved:
    return Reserved(START + round(start), START + round(end), 1)


def test_a_term_is_paid_for_from_the_first_time_ready_to_its_end_running_or_not() -> None:
    begin = ((0.0, requested(term(0, 3 * HOUR))), *BEGIN[1:], (50.5, BecameReady()))
    events = history(*begin, (1_000, StopAccepted(0)), (1_010, Stopped()))
    found = segments(events, START + 9 * HOUR)
    assert paid(found) == [(51, HOUR, 1), (HOUR, 2 * HOUR, 1), (2 * HOUR, 3 * HOUR, 1)]
    assert sum(one.nano_usd for one in found) == (3 * HOUR - 51) * PER_HOUR // HOUR
    assert all(one.final for one in found)
    never = history((0.0, requested(term(0, HOUR))), *BEGIN[1:], (50, Failed("no")))
    assert segments(never, START + 9 * HOUR) == ()


def test_a_term_changes_its_price_with_its_size() -> None:
    begin = ((0.0, requested(term(0, 2 * HOUR))), *BEGIN[1:], (0.9, BecameReady()))
    events = history(*begin, (1_000.5, update(2, 2, restart=False)))
    found = segments(events, START + 9 * HOUR)
    assert paid(found) == [(1, 1_001, 1), (1_001, HOUR, 2), (HOUR, 2 * HOUR, 2)]


# The oracle: it walks through every second, and knows nothing of spans, hours or rounding.


def _random_history(draw: random.Random) -> list[Event]:
    """Start, stop, resize, kill: whatever can come next, at random moments, many in the same second."""
    steps: list[tuple[float, Change]] = list(BEGIN)
    standing = None
    for _, change in steps:
        standing = step(standing, change)
    moment, version = 0.2, 1
    for _ in range(draw.randrange(5, 60)):
        assert standing is not None
        moment += draw.choice([0.05, 0.3, 1.0, 7.7, 61.0, 500.0, 2_000.0]) * draw.random()
        version += 1
        since = START * SECOND + round(draw.uniform(moment - 10, moment) * SECOND)
        choices: list[Change] = [
            *(ProvisioningStarted(), BecameReady(), BecameReady(), Stopped(), StartAccepted()),
            *(StopAccepted(30), Failed("crash"), UpdateAbandoned("no"), Interrupted(since, "kill")),
            *(update(version, draw.randrange(1, 5)), update(version, 2, restart=False)),
        ]
        change = draw.choice(choices)
        try:
            standing = step(standing, change)
        except InstanceStateConflict:
            continue
        steps.append((moment, change))
    return history(*steps)


_RUNS: set[State] = {"ready", "updating"}


def _oracle(events: Sequence[Event], until: int) -> dict[int, Fraction]:
    """What each second costs: those that were ready from their beginning to their end."""
    marks: list[tuple[int, State, Fraction]] = []  # microseconds, from which on this holds
    standing = None
    for event in events:
        standing = step(standing, event.change)
        at = event.wall
        if isinstance(event.change, Interrupted):
            at = max(event.change.since, marks[-1][0])
        rate = Fraction(standing.rate.nano_usd_per_hour * standing.configuration.share.cores, HOUR)
        marks.append((at, standing.state, rate))
    found: dict[int, Fraction] = {}
    for index, (at, state, _) in enumerate(marks):
        ends = marks[index + 1][0] if index + 1 < len(marks) else until * SECOND
        if state not in _RUNS or (index and marks[index - 1][1] in _RUNS):
            continue
        last = index
        while last + 1 < len(marks) and marks[last + 1][1] in _RUNS:
            last += 1
        ends = marks[last + 1][0] if last + 1 < len(marks) else until * SECOND
        for second in range(-(-at // SECOND), ends // SECOND):
            found[second] = next(rate for mark, _, rate in reversed(marks) if mark <= second * SECOND)
    return found


def _minutes(events: Sequence[Event]) -> list[Event]:
    """The same without the least that a run costs: the oracle counts seconds that were run."""
    first = events[0]
    assert isinstance(first.change, type(requested()))
    plain = requested(rate=FREE_START)
    replaced = [Event(first.seq, first.wall, 0, first.actor, first.cause, plain)]
    for event in events[1:]:
        change = event.change
        if isinstance(change, UpdateAccepted):
            change = UpdateAccepted(change.configuration, FREE_START, change.config_version, change.restart)
        replaced.append(Event(event.seq, event.wall, 0, event.actor, event.cause, change))
    return replaced


@pytest.mark.parametrize("seed", range(200))
def test_every_second_is_paid_for_once_and_at_its_price(seed: int) -> None:
    events = _minutes(_random_history(random.Random(seed)))
    until = events[-1].wall // SECOND + 5_000
    found = segments(events, until)
    expected = _oracle(events, until)
    covered = [second for one in found for second in range(one.start, one.end)]
    assert covered == sorted(expected), "a gap, an overlap or a second too many"
    by_hour: dict[int, Fraction] = {}
    for second, cost in expected.items():
        by_hour[second // HOUR] = by_hour.get(second // HOUR, Fraction(0)) + cost
    for hour, cost in by_hour.items():
        charged = sum(one.nano_usd for one in found if one.start // HOUR == hour)
        assert charged == cost.numerator // cost.denominator
    assert all(one.start // HOUR == (one.end - 1) // HOUR for one in found)


@pytest.mark.parametrize("seed", range(200))
def test_what_is_final_stays_as_it_is(seed: int) -> None:
    """Whoever charged what was final at any moment before has charged the same as at the end."""
    events = _random_history(random.Random(seed))
    whole = segments(events, events[-1].wall // SECOND + 5_000)
    for count in range(1, len(events)):
        # Up to the last event, or any later moment before the next one that a heartbeat has seen.
        limit = events[count].wall
        if isinstance(change := events[count].change, Interrupted):
            limit = max(change.since, events[count - 1].wall)
        for known in {events[count - 1].wall, (events[count - 1].wall + limit) // 2, limit}:
            final = [one for one in segments(events[:count], known // SECOND) if one.final]
            ending = [replaced for replaced in whole if replaced in final]
            assert ending == final, f"after {count} events"


def test_spans_of_nothing_are_left_out() -> None:
    events = history(*BEGIN, (10.2, BecameReady()), (10.4, update(2, 2, restart=False)))
    assert [(one.start - START, one.config_version) for one in spans(events, START + 20)] == [(11, 2)]
