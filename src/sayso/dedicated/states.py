"""What an instance is, from what has happened to it: `fold` over its events."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias, get_args

from sayso.dedicated.configuration import NO_SHARE, Configuration, Share
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
from sayso.dedicated.plan import Plan, Rate, Reserved
from sayso.errors import InstanceStateConflict

State: TypeAlias = Literal[
    "requested",
    "reserved",
    "provisioning",
    "ready",
    "updating",
    "draining",
    "stopped",
    "failed",
    "terminated",
]

RUNNING: frozenset[State] = frozenset({"ready", "updating"})
STARTABLE: frozenset[State] = frozenset({"stopped", "failed"})
UNENDED: frozenset[State] = frozenset(get_args(State)) - {"terminated"}
WITH_A_HOST: frozenset[State] = frozenset({"reserved", "provisioning", "ready", "updating"})


@dataclass(frozen=True, slots=True)
class Standing:
    """How an instance stands. `next_configuration` is what an update is bringing, until it has.

    `places` is for how many requests of its full context its latest engine has room, 0: not known.
    `failure` says why it failed, was interrupted or was not updated, empty again once it is ready.
    """

    name: str
    plan: Plan
    state: State
    configuration: Configuration
    rate: Rate
    config_version: int = 1
    next_configuration: Configuration | None = None
    next_rate: Rate | None = None
    next_version: int = 1  # the latest that was accepted
    node: str = ""
    drain_seconds: int = 0
    deleting: bool = False
    ever_ready: bool = False
    failure: str = ""
    places: int = 0


def capacity_of(standing: Standing) -> Share:
    """Return what of its machine an instance holds as it stands.

    An update has two hosts for a while, on the same cores. A reserved instance keeps what is its own for its
    whole term, once it has been ready; one on demand while there is a host, or about to be one.
    """
    share = standing.configuration.share
    kept = isinstance(standing.plan, Reserved) and standing.ever_ready and not standing.deleting
    match standing.state:
        case "updating" if standing.next_configuration is not None:
            coming = standing.next_configuration.share
            cores = max(share.cores, coming.cores)
            return replace(share + coming, cores=cores)
        case "requested" | "terminated":
            return NO_SHARE
        case "stopped" | "failed":
            return share if kept else NO_SHARE
        case _:
            return share


def fold(events: Iterable[Event]) -> Standing:
    """Return how an instance stands. Raises `InstanceStateConflict` for a history that can not be."""
    standing: Standing | None = None
    for event in events:
        standing = step(standing, event.change)
    if standing is None:
        raise InstanceStateConflict("be", "nowhere")
    return standing


def step(standing: Standing | None, change: Change) -> Standing:
    """Return how an instance stands after `change`. Raises `InstanceStateConflict` where that can not be."""
    if isinstance(change, Requested):
        if standing is not None:
            raise InstanceStateConflict("be requested", standing.state)
        return Standing(change.name, change.plan, "requested", change.configuration, change.rate)
    if standing is None:
        raise InstanceStateConflict("change", "not requested")
    return _advance(standing, change)


def _advance(standing: Standing, change: Change) -> Standing:
    match change:
        case CapacityReserved(node):
            return _go(standing, {"requested"}, "reserved", "be reserved", node=node)
        case ProvisioningStarted():
            return _go(standing, {"reserved"}, "provisioning", "be provisioned")
        case BecameReady(places):
            _require(standing, {"provisioning", "updating"}, "become ready")
            return replace(_with_next(standing), state="ready", ever_ready=True, failure="", places=places)
        case UpdateAccepted():
            return _updated(standing, change)
        case UpdateAbandoned(reason):
            _require(standing, {"updating"}, "give up an update")
            return replace(_without_next(standing), state="ready", failure=reason)
        case Interrupted(reason=reason):
            # What starts again starts with what an update was bringing.
            _require(standing, RUNNING, "be interrupted")
            return replace(_with_next(standing), state="provisioning", failure=reason)
        case _:
            return _end_or_begin_again(standing, change)


def _end_or_begin_again(standing: Standing, change: Change) -> Standing:
    match change:
        case StopAccepted(seconds):
            # One that waits to be started has a host that is ended like any other.
            return _go(standing, WITH_A_HOST, "draining", "stop", drain_seconds=seconds)
        case Stopped():
            return _go(standing, {"draining"}, "stopped", "be stopped")
        case StartAccepted():
            if standing.deleting:
                raise InstanceStateConflict("start", "being deleted")
            return _go(_with_next(standing), STARTABLE, "reserved", "start", failure="", drain_seconds=0)
        case DeletionAccepted(seconds):
            _require(standing, UNENDED, "be deleted")
            state: State = "draining" if standing.state in WITH_A_HOST else standing.state
            return replace(standing, state=state, deleting=True, drain_seconds=seconds)
        case Failed(reason):
            _require(standing, UNENDED, "fail")
            return replace(_without_next(standing), state="failed", failure=reason)
        case Terminated():
            return _go(standing, {"requested", "stopped", "failed"}, "terminated", "be terminated")
        case _:
            raise InstanceStateConflict("change", standing.state)


def _updated(standing: Standing, change: UpdateAccepted) -> Standing:
    """Take a configuration on: at once where only the gate changes or nothing runs, else once it is ready."""
    _require(standing, {"ready", "stopped", "failed"}, "be updated")
    coming = replace(
        standing,
        next_configuration=change.configuration,
        next_rate=change.rate,
        next_version=change.config_version,
    )
    if standing.state == "ready" and change.restart:
        return replace(coming, state="updating")
    return _with_next(coming)


def _with_next(standing: Standing) -> Standing:
    if standing.next_configuration is None or standing.next_rate is None:
        return standing
    return replace(
        _without_next(standing),
        configuration=standing.next_configuration,
        rate=standing.next_rate,
        config_version=standing.next_version,
    )


def _without_next(standing: Standing) -> Standing:
    return replace(standing, next_configuration=None, next_rate=None)


def _go(standing: Standing, allowed: AbstractSet[State], state: State, verb: str, **more: object) -> Standing:
    _require(standing, allowed, verb)
    return replace(standing, state=state, **more)  # type: ignore[arg-type]


def _require(standing: Standing, allowed: AbstractSet[State], verb: str) -> None:
    if standing.state not in allowed:
        raise InstanceStateConflict(verb, standing.state)
