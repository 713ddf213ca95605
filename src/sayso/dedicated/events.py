"""Everything that can happen to an instance: its history is a list of these, and nothing else."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.dedicated.configuration import Configuration
from sayso.dedicated.plan import Plan, Rate


@dataclass(frozen=True, slots=True)
class Requested:
    """Somebody wants an instance. Always the first event."""

    name: str
    configuration: Configuration
    plan: Plan
    rate: Rate


@dataclass(frozen=True, slots=True)
class CapacityReserved:
    """Its share of the machine `node` is its own."""

    node: str


@dataclass(frozen=True, slots=True)
class ProvisioningStarted:
    """Its engine host is being started."""


@dataclass(frozen=True, slots=True)
class BecameReady:
    """It takes requests, in the latest configuration.

    `places` is for how many requests of its full context its engine has room, 0 where that is not known.
    """

    places: int = 0


@dataclass(frozen=True, slots=True)
class UpdateAccepted:
    """It shall run `configuration`; with `restart` a new host takes over once that is ready."""

    configuration: Configuration
    rate: Rate
    config_version: int
    restart: bool


@dataclass(frozen=True, slots=True)
class UpdateAbandoned:
    """The new host did not come up; the old one goes on in the old configuration."""

    reason: str


@dataclass(frozen=True, slots=True)
class Interrupted:
    """It takes no requests since `since` (Unix microseconds, never after the event), against its will."""

    since: int
    reason: str


@dataclass(frozen=True, slots=True)
class StopAccepted:
    """It takes no more requests; those that run may end within `drain_seconds`."""

    drain_seconds: int


@dataclass(frozen=True, slots=True)
class Stopped:
    """Its host has ended."""


@dataclass(frozen=True, slots=True)
class StartAccepted:
    """It shall run again."""


@dataclass(frozen=True, slots=True)
class DeletionAccepted:
    """It shall not come back; what runs drains first."""

    drain_seconds: int


@dataclass(frozen=True, slots=True)
class Failed:
    """It could not be started, or can not go on; `reason` is for its owner to read."""

    reason: str


@dataclass(frozen=True, slots=True)
class Terminated:
    """It is gone. Always the last event."""


Change: TypeAlias = (
    Requested
    | CapacityReserved
    | ProvisioningStarted
    | BecameReady
    | UpdateAccepted
    | UpdateAbandoned
    | Interrupted
    | StopAccepted
    | Stopped
    | StartAccepted
    | DeletionAccepted
    | Failed
    | Terminated
)

Cause: TypeAlias = Literal["command", "runtime", "recovery", "term_ended", "project_archived", "idle"]


@dataclass(frozen=True, slots=True)
class Event:
    """A change, and when and why it happened.

    `seq` counts from 1 without gaps. `wall` is Unix microseconds and never goes back within an instance,
    `monotonic` nanoseconds of the machine's clock that nobody sets. `actor` is the id of the user who gave
    the command, or `system`.
    """

    seq: int
    wall: int
    monotonic: int
    actor: str
    cause: Cause
    change: Change
