"""Keeps a machine's instances as the database says that they should be.

One of these runs in the server of each machine. It looks at its instances every second, and at once when it
is woken or they have changed; what it does follows from their states alone, so that it goes on where a server
before it was cut off. Every `HEARTBEAT_SECONDS` it writes down which hosts take requests: after a sudden end,
that is how far an instance is known to have run, and nothing later is charged.
"""

import asyncio
import contextlib
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from sayso.db.session import Database
from sayso.dedicated import capacity, store
from sayso.dedicated.charging import Charges, month_of
from sayso.dedicated.clock import SYSTEM_CLOCK, Clock
from sayso.dedicated.configuration import Share
from sayso.dedicated.events import (
    BecameReady,
    Cause,
    Change,
    DeletionAccepted,
    Failed,
    Interrupted,
    ProvisioningStarted,
    StopAccepted,
    Stopped,
    Terminated,
    UpdateAbandoned,
    UpdateAccepted,
)
from sayso.dedicated.instance import Instance
from sayso.dedicated.living import Living
from sayso.dedicated.plan import Reserved
from sayso.dedicated.runtime import InstanceRuntime, ProvisioningFailed
from sayso.dedicated.states import RUNNING, WITH_A_HOST, State
from sayso.dedicated.store import Kept
from sayso.dedicated.utilization import UseMeter, add_uses, forget_uses
from sayso.errors import CapacityUnavailable, InstanceStateConflict, ObjectNotFound, StorageUnavailable
from sayso.ids import InstanceId, OrgId
from sayso.telemetry.logging import EventLogger

ROUND_SECONDS = 1.0
HEARTBEAT_SECONDS = 10
PROVISION_SECONDS = 600.0  # a host that has not come up by then has failed
TERM_DRAIN_SECONDS = 30  # at the end of a reserved term
FORGET_SECONDS = 3_600  # between two looks for what is too old to be kept
RENEW_SECONDS = 60  # until it is tried again to start an idle host anew
_MICRO = 1_000_000

log = EventLogger("instances")


@dataclass(frozen=True, slots=True)
class MachineShare:
    """The machine that is kept, by its name: all that it has, and what of it serves everybody."""

    node: str
    total: Share
    shared: Share


class Control:
    """Starts, updates and ends hosts, writes down what happens to them, and charges their time."""

    def __init__(
        self,
        db: Database,
        runtime: InstanceRuntime,
        charges: Charges,
        machine: MachineShare,
        *,
        clock: Clock = SYSTEM_CLOCK,
        provision_seconds: float = PROVISION_SECONDS,
        forget_idle_seconds: float = 0.0,
    ) -> None:
        self._db = db
        self._runtime = runtime
        self._charges = charges
        self._machine = machine
        self._clock = clock
        self._provision_seconds = provision_seconds
        self._forget_idle_seconds = forget_idle_seconds
        self._no_room: dict[InstanceId, int] = {}  # seconds, of what could not be started anew
        self._work: dict[InstanceId, tuple[State, asyncio.Task[None]]] = {}
        # What the hosts here have: the configuration, and how far the gate is open beyond it.
        self._applied: dict[InstanceId, tuple[int, int]] = {}
        self._living = Living(db, machine.node)
        self._restarting: set[InstanceId] = set()
        self._news: list[tuple[InstanceId, Change]] = []
        self._woken = asyncio.Event()
        self._seen_at = self._forgot_at = 0
        self._meter = UseMeter()
        self._loop: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin; what ran when the server before this one ended is started again."""
        self._runtime.watch(self)
        self._db.revisions.listen("instances", self.wake)
        self._loop = asyncio.create_task(self._run())

    async def close(self) -> None:
        """Stop looking, having written down how far hosts are known to have run; they are not ended here."""
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.cancel()
            await asyncio.gather(loop, return_exceptions=True)
        tasks = [task for _, task in self._work.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StorageUnavailable):
            if loop is not None:
                await self._see(await self._living.look())

    def wake(self) -> None:
        """Look now, at what the database has by now."""
        self._living.forget()
        self._woken.set()

    def down(self, instance_id: InstanceId, reason: str) -> None:
        """Be told by the runtime that a host takes no requests, and is being started again."""
        self._restarting.add(instance_id)
        self._tell(instance_id, Interrupted(self._clock.wall(), reason))

    def up(self, instance_id: InstanceId) -> None:
        """Be told by the runtime that such a host is back."""
        self._tell(instance_id, self._ready(instance_id))

    def lost(self, instance_id: InstanceId, reason: str) -> None:
        """Be told by the runtime that a host will not come back."""
        self._tell(instance_id, Failed(reason))

    def _tell(self, instance_id: InstanceId, change: Change) -> None:
        self._news.append((instance_id, change))
        self.wake()

    async def _run(self) -> None:
        begun, loop = False, asyncio.get_running_loop()
        while True:
            try:
                if not begun:
                    await self._begin()
                    begun = True
                await self.look()
            except StorageUnavailable as error:
                log.warning("instances_not_looked_at", error=error)
            timer = loop.call_later(ROUND_SECONDS, self._woken.set)
            await self._woken.wait()
            timer.cancel()
            self._woken.clear()

    async def _begin(self) -> None:
        """Say what the machine has, and that what ran before runs no more."""
        machine, now = self._machine, self._clock.wall()
        async with self._db.transaction() as session:
            await capacity.register(session, machine.node, machine.total, machine.shared, now)
            for kept in await store.living_on(session, machine.node):
                if (one := kept.instance).state in RUNNING:
                    # Never earlier than it was last seen: that much may be charged already.
                    change = Interrupted(kept.seen_at, "The server was restarted.")
                    await self._append(session, one.organization_id, one.id, change, "recovery")

    async def look(self) -> None:
        """Look once at everything. Raises `StorageUnavailable`."""
        await self._hear()
        living = await self._living.look()
        if self._clock.wall() - self._seen_at >= HEARTBEAT_SECONDS * _MICRO:
            living = await self._see(living)
        for kept in living:
            await self._keep(kept)

    async def _hear(self) -> None:
        """Write down what the runtime has told of hosts, whose instances were there at the last look."""
        while self._news:
            instance_id, change = self._news[0]
            if (owner := self._living.owners.get(instance_id)) is not None:
                await self._happened(owner, instance_id, change)
            if not isinstance(change, Interrupted):
                self._restarting.discard(instance_id)
            del self._news[0]

    async def _see(self, living: Sequence[Kept]) -> list[Kept]:
        """Write down which hosts take requests now, and return all instances with that."""
        now, owners = self._clock.wall(), self._living.owners
        up = {kept.instance.id for kept in living if self._is_up(kept.instance)}
        machine, used = self._machine, self._meter.look(self._gates(up), now)
        async with self._db.transaction() as session:
            await store.saw(session, ((owners[one], one) for one in sorted(up)), now)
            await add_uses(session, used)
            if now - self._forgot_at >= FORGET_SECONDS * _MICRO:
                await forget_uses(session, now)
                self._forgot_at = now
            await capacity.register(session, machine.node, machine.total, machine.shared, now)
        self._seen_at = now
        return self._living.saw(up, now)

    def _gates(self, up: set[InstanceId]) -> dict[InstanceId, tuple[float, int]]:
        found = {one: self._runtime.status(one) for one in sorted(up)}
        return {one: (status.busy_seconds, status.width) for one, status in found.items() if status}

    def _is_up(self, instance: Instance) -> bool:
        found = self._runtime.status(instance.id)
        return instance.state in RUNNING and found is not None and found.up

    async def _keep(self, kept: Kept) -> None:
        """Bring one instance a step further, and charge its time."""
        instance = kept.instance
        all_charged = await self._charges.post_time(kept)
        await self._keep_promise(kept, ending=False)
        if (end := self._end_of(instance)) is not None:
            await self._happened(instance.organization_id, instance.id, *end)
            self.wake()
            return
        wanted = (instance.config_version, kept.opening(self._clock.wall()))
        match instance.state:
            case "reserved":
                await self._happened(instance.organization_id, instance.id, ProvisioningStarted())
                self.wake()
            case "provisioning" if instance.id not in self._restarting:
                if not self._has(instance, instance.config_version):
                    self._begin_work(instance, self._provision(instance))
            case "updating" if not self._has(instance, instance.standing.next_version):
                self._begin_work(instance, self._update(instance))
            case "ready" if self._applied.get(instance.id) != wanted:
                self._begin_work(instance, self._set_gate(instance, wanted))
            case "ready" if self._is_to_forget(instance):
                await self._start_anew(instance)
            case "draining":
                self._begin_work(instance, self._stop(instance))
            case "stopped" | "failed" if instance.standing.deleting and all_charged:
                await self._keep_promise(kept, ending=True)
                await self._happened(instance.organization_id, instance.id, Terminated())
                self._work.pop(instance.id, None)
            case _:
                pass

    def _has(self, instance: Instance, version: int) -> bool:
        """Tell whether a host has that configuration: then the look is older than what was written since."""
        found = self._runtime.status(instance.id)
        return found is not None and found.up and self._applied.get(instance.id, (0, 0))[0] == version

    def _is_to_forget(self, instance: Instance) -> bool:
        tried = self._clock.second - self._no_room.get(instance.id, 0) < RENEW_SECONDS
        found = self._runtime.status(instance.id) if self._forget_idle_seconds and not tried else None
        idle = found.idle_seconds if found is not None and found.up else None
        return idle is not None and idle >= self._forget_idle_seconds

    async def _start_anew(self, instance: Instance) -> None:
        """Have another host take over, with nothing of past requests in its memory.

        Where the machine has not got the memory of both, that is for later.
        """
        standing = instance.standing
        number = standing.next_version + 1
        same = UpdateAccepted(instance.configuration, standing.rate, number, restart=True)
        try:
            await self._happened(instance.organization_id, instance.id, same, "idle")
        except CapacityUnavailable as error:
            self._no_room[instance.id] = self._clock.second
            log.info("instance_not_renewed", instance_id=instance.id, reason=error.message)
        else:
            self.wake()

    async def _keep_promise(self, kept: Kept, *, ending: bool) -> None:
        """Give back what the month before was less than promised, and at the end the running one."""
        now = self._clock.second
        begun = kept.instance.created_at // _MICRO
        this = month_of(now)
        before = month_of(this.start - 1)
        if before.end > begun and now >= this.start + HEARTBEAT_SECONDS + 2:
            await self._charges.credit_month(kept, before, before.end)
        if ending:
            await self._charges.credit_month(kept, this, now)

    def _end_of(self, instance: Instance) -> tuple[Change, Cause] | None:
        """Return what ends an instance that nobody can, or may, use any more."""
        term = instance.plan
        over = isinstance(term, Reserved) and self._clock.second >= term.end
        if over and not instance.standing.deleting:
            return DeletionAccepted(TERM_DRAIN_SECONDS), "term_ended"
        if instance.project_id in self._living.archived and instance.state in WITH_A_HOST:
            return StopAccepted(0), "project_archived"
        return None

    def _begin_work(self, instance: Instance, work: Coroutine[Any, Any, None]) -> None:
        """Start `work`, unless it is under way; what was begun for another state is given up first."""
        known = self._work.get(instance.id)
        if known is not None and not known[1].done():
            work.close()
            if known[0] != instance.state and instance.state == "draining":
                known[1].cancel()
            return
        task = asyncio.create_task(work)
        self._work[instance.id] = (instance.state, task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("instance_work_failed", error=error)
        self.wake()

    async def _provision(self, instance: Instance) -> None:
        reason = await self._failure(self._runtime.provision(instance))
        if reason is not None:
            await self._runtime.stop(instance.id, 0)
            await self._surely(instance, Failed(reason))
            return
        self._restarting.discard(instance.id)
        self._applied[instance.id] = (instance.config_version, 0)
        await self._surely(instance, self._ready(instance.id))

    async def _update(self, instance: Instance) -> None:
        coming = instance.next_configuration
        assert coming is not None, "an update brings something"
        reason = await self._failure(self._runtime.update(instance, coming, anew=True))
        if reason is not None:
            await self._surely(instance, UpdateAbandoned(reason))
            return
        self._restarting.discard(instance.id)
        self._applied[instance.id] = (instance.standing.next_version, 0)
        await self._surely(instance, self._ready(instance.id))

    async def _failure(self, starting: Coroutine[Any, Any, None]) -> str | None:
        """Wait for a host to come up; return why it has not, None where it has."""
        try:
            async with asyncio.timeout(self._provision_seconds):
                await starting
        except ProvisioningFailed as error:
            return error.reason
        except TimeoutError:
            return "It took too long to start."
        return None

    def _ready(self, instance_id: InstanceId) -> BecameReady:
        found = self._runtime.status(instance_id)
        return BecameReady(found.places if found else 0)

    async def _set_gate(self, instance: Instance, wanted: tuple[int, int]) -> None:
        """Have the gate as the configuration says, or open further for a while."""
        version, opening = wanted
        await self._runtime.update(instance, instance.configuration)
        opened = self._runtime.open_gate(instance.id, opening) if opening else 0
        _, before = self._applied.get(instance.id, (version, 0))
        self._applied[instance.id] = wanted
        if opening or before:
            async with self._db.transaction() as session:
                await store.gate_opened(session, instance.organization_id, instance.id, opened)
            self._living.forget()

    async def _stop(self, instance: Instance) -> None:
        self._restarting.discard(instance.id)
        await self._runtime.stop(instance.id, instance.standing.drain_seconds)
        self._applied.pop(instance.id, None)
        await self._surely(instance, Stopped())

    async def _surely(self, instance: Instance, change: Change) -> None:
        """Write down what a host has done, however long the storage is away."""
        while True:
            try:
                await self._happened(instance.organization_id, instance.id, change)
            except StorageUnavailable as error:
                log.warning("instance_not_written", instance_id=instance.id, error=error)
                await asyncio.sleep(ROUND_SECONDS)
            else:
                return

    async def _happened(
        self, org_id: OrgId, instance_id: InstanceId, change: Change, cause: Cause = "runtime"
    ) -> None:
        """Write down a change, unless something else has come before it that rules it out."""
        try:
            async with self._db.transaction() as session:
                await self._append(session, org_id, instance_id, change, cause)
        except (InstanceStateConflict, ObjectNotFound) as error:
            log.info("instance_went_on", instance_id=instance_id, reason=error.message)
        finally:
            self._living.forget()

    async def _append(
        self, session: Any, org_id: OrgId, instance_id: InstanceId, change: Change, cause: Cause
    ) -> None:
        await store.append(session, org_id, instance_id, change, cause=cause, clock=self._clock)
