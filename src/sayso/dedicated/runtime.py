"""What runs instances on this machine, as the rest sees it."""

from dataclasses import dataclass
from typing import Protocol

from sayso.dedicated.configuration import Configuration
from sayso.dedicated.instance import Instance
from sayso.ids import InstanceId


class ProvisioningFailed(Exception):
    """An instance's host did not come up; `reason` is for the instance's owner: no paths, no content."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class RuntimeStatus:
    """How an instance runs at this moment. Memory in MiB, `cores` as the kernel numbers them.

    `places` is for how many requests of the full context its engine has room. `idle_seconds` is how long ago
    its last request ended, None while there are any and where its host has had none. `busy_seconds` is the
    time of all requests since the gate was made, which lets `width` of them through at once.
    """

    up: bool
    running: int = 0
    waiting: int = 0
    resident_mib: int = 0
    cores: tuple[int, ...] = ()
    fingerprint: str = ""
    places: int = 0
    idle_seconds: float | None = None
    busy_seconds: float = 0.0
    width: int = 0


class InstanceWatch(Protocol):
    """Whoever wants to know that a host has died, and that it is there again. Neither may block."""

    def down(self, instance_id: InstanceId, reason: str) -> None:
        """Tell that a provisioned instance takes no requests since now; its host is being started again."""
        ...

    def up(self, instance_id: InstanceId) -> None:
        """Tell that it takes requests again."""
        ...

    def lost(self, instance_id: InstanceId, reason: str) -> None:
        """Tell that its host will not come back: nothing tries any more."""
        ...


class InstanceRuntime(Protocol):
    """Starts, changes and ends the engine hosts of this machine's instances.

    Each call is for one instance, and is not made while another for the same one is under way, save `stop`,
    before which whatever is under way is cancelled. A cancelled call leaves nothing behind that `stop` does
    not end.
    """

    def watch(self, watch: InstanceWatch) -> None:
        """Have `watch` told of hosts from now on."""
        ...

    async def provision(self, instance: Instance) -> None:
        """Start `instance.configuration`; return once it takes requests. Raises `ProvisioningFailed`."""
        ...

    async def update(self, instance: Instance, configuration: Configuration, *, anew: bool = False) -> None:
        """Bring `configuration` to an instance that runs; return once it is in force.

        With `anew`, or where `restart_needed` says so, compared with what it was provisioned with, a second
        host is started first and takes over; both stand on the machine meanwhile. Otherwise only the gate
        changes, within a second. Raises `ProvisioningFailed`, after which the old configuration goes on.
        """
        ...

    def open_gate(self, instance_id: InstanceId, concurrency: int) -> int:
        """Let so many requests through, or as many as the engine was started for; return how many.

        That is until the next `update`. 0 for an instance that does not run here.
        """
        ...

    async def stop(self, instance_id: InstanceId, drain_seconds: float) -> None:
        """Take no more requests, let those that run go on for that long, end the host, if there is one."""
        ...

    def status(self, instance_id: InstanceId) -> RuntimeStatus | None:
        """Return how it runs, None for one that was not provisioned here."""
        ...
