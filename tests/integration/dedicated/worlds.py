"""Instances on a machine of the tests: a real database and ledger; a clock and hosts that tests move."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.caller import AdminCaller
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.dedicated import capacity
from sayso.dedicated.charging import Charges
from sayso.dedicated.clock import Clock
from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.control import Control, MachineShare
from sayso.dedicated.instance import Instance
from sayso.dedicated.load import PRESETS, engine_cap
from sayso.dedicated.runtime import InstanceWatch, ProvisioningFailed, RuntimeStatus
from sayso.dedicated.service import Instances
from sayso.dedicated.wishes import NewInstance
from sayso.ids import InstanceId, ProjectId
from sayso.tenancy.projects import create_project
from sayso.tenancy.service import add_organization

MICRO = 1_000_000
START = 1_677_672_000  # 1 March 2023, 12:00 UTC: an hour begins
PER_HOUR = 37_500_000_000
MACHINE = MachineShare("here", Share(4, 8_192), Share(1, 2_048))
TINY = Snapshot("tiny", "chat", "fake", PackageSource(), context_length=2_048)


@dataclass
class Hosts:
    """A runtime whose hosts are nothing but names; `broken` says what provisioning ends with."""

    running: dict[InstanceId, Configuration] = field(default_factory=dict)
    broken: str = ""
    busy_seconds: float = 0.0
    places: int = 0
    idle_seconds: float | None = None
    calls: list[str] = field(default_factory=list)
    watching: InstanceWatch | None = None
    hold: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.hold.set()

    def watch(self, watch: InstanceWatch) -> None:
        self.watching = watch

    async def provision(self, instance: Instance) -> None:
        self.calls.append("provision")
        await self.hold.wait()
        if self.broken:
            raise ProvisioningFailed(self.broken)
        self.running[instance.id] = instance.configuration

    async def update(self, instance: Instance, configuration: Configuration, *, anew: bool = False) -> None:
        self.calls.append("update")
        if anew:
            self.idle_seconds = None
        await self.hold.wait()
        if self.broken:
            raise ProvisioningFailed(self.broken)
        self.running[instance.id] = configuration

    def open_gate(self, instance_id: InstanceId, concurrency: int) -> int:
        before = self.running[instance_id]
        let = min(concurrency, engine_cap(before.load))
        self.running[instance_id] = replace(before, load=replace(before.load, max_concurrency=let))
        return let

    async def stop(self, instance_id: InstanceId, drain_seconds: float) -> None:
        self.calls.append(f"stop {drain_seconds:g}")
        self.running.pop(instance_id, None)

    def status(self, instance_id: InstanceId) -> RuntimeStatus | None:
        return (
            RuntimeStatus(
                up=True,
                places=self.places,
                idle_seconds=self.idle_seconds,
                busy_seconds=self.busy_seconds,
                width=self.running[instance_id].load.max_concurrency,
            )
            if instance_id in self.running
            else None
        )


@dataclass
class World:
    """One machine with one organization and its project; `now` is in microseconds."""

    db: Database
    ledger: Ledger
    owner: AdminCaller
    project_id: ProjectId
    now: int = START * MICRO
    hosts: Hosts = field(default_factory=Hosts)

    def __post_init__(self) -> None:
        self.clock = Clock(lambda: self.now, lambda: self.now * 1_000)
        self.verbs = Instances(self.db, lambda model: TINY, self.clock)
        self.control = self.new_control()

    def new_control(self, *, provision_seconds: float = 5, forget_idle_seconds: float = 0) -> Control:
        """A server of the machine, as after a start."""
        charges = Charges(self.db, self.ledger, self.clock)
        control = Control(
            self.db,
            self.hosts,
            charges,
            MACHINE,
            clock=self.clock,
            provision_seconds=provision_seconds,
            forget_idle_seconds=forget_idle_seconds,
        )
        self.hosts.watch(control)
        return control

    def wanted(self, name: str = "fast", cores: int = 1, months: int = 0) -> NewInstance:
        return NewInstance(
            self.project_id, name, "tiny", Share(cores, 512), PRESETS["balanced"], months=months
        )

    async def settle(self) -> None:
        """Look until nothing more happens at this moment."""
        self.control.wake()
        while self.control._woken.is_set():
            self.control._woken.clear()
            await self.control.look()
            work = [task for _, task in self.control._work.values() if not task.done()]
            if work and self.hosts.hold.is_set():
                await asyncio.gather(*work, return_exceptions=True)
                self.control.wake()

    async def pass_time(self, seconds: float, step: float = 600) -> None:
        """Let time go by, with the server looking every `step` seconds."""
        end = self.now + round(seconds * MICRO)
        while self.now < end:
            self.now = min(end, self.now + round(step * MICRO))
            await self.settle()

    async def instance(self, instance_id: InstanceId) -> Instance:
        return (await self.verbs.get(self.owner.org_id, instance_id)).instance

    async def held(self) -> Share:
        """What is held of the machine, with the shared pool's part."""
        async with self.db.read() as session:
            return (await capacity.machines(session))[0].held


@asynccontextmanager
async def world_in(url: str) -> AsyncIterator[World]:
    async with Database.open(url) as db:
        await migrate(db)
        await ensure_launch_prices(db)
        async with db.transaction() as session:
            owner = await add_organization(session, "default", "Default")
        project = await create_project(db, owner, "here")
        world: World | None = None
        ledger = Ledger.open(db, clock=lambda: world.now if world else START * MICRO)
        world = World(db, ledger, owner, project.id)
        await world.control._begin()
        try:
            yield world
        finally:
            await world.control.close()
            await ledger.close()
