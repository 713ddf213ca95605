"""An instance's life: what may follow what."""

import pytest

from sayso.dedicated.configuration import Configuration, Share, restart_needed
from sayso.dedicated.events import (
    BecameReady,
    CapacityReserved,
    Change,
    DeletionAccepted,
    Event,
    Failed,
    Interrupted,
    ProvisioningStarted,
    Requested,
    StartAccepted,
    StopAccepted,
    Stopped,
    Terminated,
    UpdateAbandoned,
    UpdateAccepted,
)
from sayso.dedicated.load import PRESETS, LoadSettings, check_load, engine_cap
from sayso.dedicated.plan import OnDemand, Rate
from sayso.dedicated.states import Standing, fold
from sayso.errors import InstanceStateConflict, InvalidRequest

OLD = Configuration("tiny", Share(1, 512), 2048, PRESETS["balanced"])
NEW = Configuration("tiny", Share(2, 512), 2048, PRESETS["balanced"])
RATE = Rate(37_500_000_000, "launch")

REQUESTED = Requested("fast", OLD, OnDemand(), RATE)
RESERVED = (REQUESTED, CapacityReserved("here"))
STARTED = (*RESERVED, ProvisioningStarted())
READY = (*STARTED, BecameReady())
UPDATE = UpdateAccepted(NEW, RATE, 2, restart=True)
UPDATING = (*READY, UPDATE)
DRAINING = (*READY, StopAccepted(30))
STOPPED = (*DRAINING, Stopped())


def history(*changes: Change) -> list[Event]:
    return [Event(at, at, at, "system", "command", change) for at, change in enumerate(changes, 1)]


def standing(*changes: Change) -> Standing:
    return fold(history(*changes))


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ((REQUESTED,), "requested"),
        (RESERVED, "reserved"),
        (STARTED, "provisioning"),
        (READY, "ready"),
        (UPDATING, "updating"),
        ((*UPDATING, BecameReady()), "ready"),
        ((*UPDATING, UpdateAbandoned("too big")), "ready"),
        ((*READY, Interrupted(3, "crash")), "provisioning"),
        ((*READY, Interrupted(3, "crash"), BecameReady()), "ready"),
        (DRAINING, "draining"),
        (STOPPED, "stopped"),
        ((*STOPPED, StartAccepted()), "reserved"),
        ((*STARTED, Failed("bad model")), "failed"),
        ((*STARTED, Failed("bad model"), StartAccepted()), "reserved"),
        ((*STARTED, StopAccepted(0)), "draining"),
        ((*READY, DeletionAccepted(30)), "draining"),
        ((*READY, DeletionAccepted(30), Stopped(), Terminated()), "terminated"),
        ((REQUESTED, Terminated()), "terminated"),
    ],
)
def test_the_state_follows_from_what_has_happened(changes: tuple[Change, ...], state: str) -> None:
    assert standing(*changes).state == state


@pytest.mark.parametrize(
    "changes",
    [
        (),
        (BecameReady(),),
        (REQUESTED, REQUESTED),
        (REQUESTED, ProvisioningStarted()),
        (*RESERVED, BecameReady()),
        (*READY, ProvisioningStarted()),
        (*READY, StartAccepted()),
        (*READY, Stopped()),
        (*READY, UpdateAbandoned("no")),
        (*UPDATING, UPDATE),
        (*DRAINING, UPDATE),
        (*DRAINING, StopAccepted(0)),
        (*STARTED, Interrupted(1, "crash")),
        (*READY, Terminated()),
        (REQUESTED, Terminated(), Failed("late")),
        (REQUESTED, Terminated(), DeletionAccepted(0)),
        (*STOPPED, DeletionAccepted(0), StartAccepted()),
    ],
)
def test_what_can_not_follow_is_refused(changes: tuple[Change, ...]) -> None:
    with pytest.raises(InstanceStateConflict):
        standing(*changes)


def test_a_new_configuration_holds_once_it_is_ready_and_not_at_all_if_it_does_not_come_up() -> None:
    assert (standing(*UPDATING).configuration, standing(*UPDATING).config_version) == (OLD, 1)
    done = standing(*UPDATING, BecameReady())
    assert (done.configuration, done.config_version, done.next_configuration) == (NEW, 2, None)
    given_up = standing(*UPDATING, UpdateAbandoned("too big"))
    assert (given_up.configuration, given_up.config_version, given_up.failure) == (OLD, 1, "too big")
    # The number is not used a second time for something else.
    assert given_up.next_version == 2


def test_what_needs_no_restart_holds_at_once() -> None:
    gate = Configuration("tiny", Share(1, 512), 2048, LoadSettings(16, 512, 1, 1, "reject"))
    now = standing(*READY, UpdateAccepted(gate, RATE, 2, restart=False))
    assert (now.state, now.configuration, now.config_version) == ("ready", gate, 2)


def test_an_update_that_a_crash_meets_is_what_starts_again() -> None:
    assert standing(*UPDATING, Interrupted(3, "crash")).configuration == NEW


def load(concurrency: int, batch: int = 512) -> LoadSettings:
    return LoadSettings(concurrency, batch, 4, 100, "queue")


@pytest.mark.parametrize(
    ("old", "new", "needed"),
    [
        (load(4), load(16), False),
        (load(4), load(17), True),
        (load(32), load(32), False),
        (load(32), load(4), False),
        (load(4), load(4, 1024), True),
    ],
)
def test_the_gate_opens_as_far_as_the_engine_was_started_for(
    old: LoadSettings, new: LoadSettings, needed: bool
) -> None:
    share = Share(1, 512)
    before = Configuration("tiny", share, 2048, old)
    assert restart_needed(before, Configuration("tiny", share, 2048, new)) is needed
    assert engine_cap(old) >= old.max_concurrency


@pytest.mark.parametrize(
    "other",
    [
        Configuration("other", Share(1, 512), 2048, PRESETS["balanced"]),
        NEW,
        Configuration("tiny", Share(1, 1024), 2048, PRESETS["balanced"]),
        Configuration("tiny", Share(1, 512), 8192, PRESETS["balanced"]),
    ],
)
def test_another_snapshot_share_or_context_takes_another_host(other: Configuration) -> None:
    assert restart_needed(OLD, other)
    assert not restart_needed(OLD, OLD)


def test_a_load_has_bounds() -> None:
    for preset in PRESETS.values():
        assert check_load(preset) == preset
    with pytest.raises(InvalidRequest) as refused:
        check_load(LoadSettings(0, 512, 1, 1, "queue"))
    assert refused.value.param == "load.max_concurrency"
    with pytest.raises(InvalidRequest):
        check_load(LoadSettings(1, 512, 1, 1, "drop"))  # type: ignore[arg-type]
