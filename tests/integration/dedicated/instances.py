"""Instances and their fleet, without a database."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from sayso.catalog.snapshot import FolderSource, Kind, Snapshot
from sayso.core.cores import usable_cores
from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.events import CapacityReserved, Change, Event, ProvisioningStarted, Requested
from sayso.dedicated.fleet import Fleet
from sayso.dedicated.hosting import Prepared
from sayso.dedicated.instance import Instance
from sayso.dedicated.load import LoadSettings
from sayso.dedicated.machine import Machine
from sayso.dedicated.plan import OnDemand, Rate
from sayso.dedicated.states import fold
from sayso.engines.config import EngineConfig
from sayso.ids import InstanceId, OrgId, ProjectId

QUEUE = LoadSettings(4, 512, 1_000, 60_000, "queue")
FAKE = Configuration("fake", Share(1, 512), 1_024, QUEUE)


def instance(
    configuration: Configuration = FAKE, *, number: int = 1, project: str = "proj_1", org: str = "org_1"
) -> Instance:
    """An instance that is being provisioned."""
    changes: tuple[Change, ...] = (
        Requested("one", configuration, OnDemand(), Rate(0, "v")),
        CapacityReserved("here"),
        ProvisioningStarted(),
    )
    events = [Event(at, at, at, "system", "command", change) for at, change in enumerate(changes, 1)]
    return Instance(InstanceId(f"inst_{number}"), OrgId(org), ProjectId(project), 0, fold(events))


@dataclass
class Watch:
    """Remembers what a fleet tells."""

    told: list[tuple[str, str]] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def down(self, instance_id: InstanceId, reason: str) -> None:
        self._hear("down", reason)

    def up(self, instance_id: InstanceId) -> None:
        self._hear("up", "")

    def lost(self, instance_id: InstanceId, reason: str) -> None:
        self._hear("lost", reason)

    async def until(self, what: str) -> None:
        """Return once this has been told."""
        async with asyncio.timeout(30):
            while what not in [kind for kind, _ in self.told]:
                self.changed.clear()
                await self.changed.wait()

    def _hear(self, what: str, reason: str) -> None:
        self.told.append((what, reason))
        self.changed.set()


def snapshot(name: str, kind: Kind = "chat", engine: str = "fake", context_length: int = 4_096) -> Snapshot:
    """A snapshot of a folder."""
    return Snapshot(name, kind, engine, FolderSource("."), context_length=context_length)


Prepares = Callable[[str], Prepared]


def fakes(folder: Path, **script: object) -> Prepares:
    """Every snapshot is a scripted engine."""

    def prepare(name: str) -> Prepared:
        made = snapshot(name)
        return Prepared(
            made, EngineConfig("fake", name, folder, made.digest, folder, script=json.dumps(script))
        )

    return prepare


@asynccontextmanager
async def fleet(folder: Path, prepare: Prepares, cores: int = 1) -> AsyncIterator[tuple[Fleet, Watch]]:
    """A fleet on the last cores of this machine, which is ended afterwards."""

    async def prepared(name: str) -> Prepared:
        return prepare(name)

    usable = usable_cores()
    made = Fleet(Machine(usable[:-cores], usable[-cores:], 4_096), prepared, folder / "footprints.json")
    watch = Watch()
    made.watch(watch)
    try:
        yield made, watch
    finally:
        await made.close()


def changed(configuration: Configuration = FAKE, **load: object) -> Configuration:
    """The same with another load."""
    return replace(configuration, load=replace(configuration.load, **load))  # type: ignore[arg-type]


async def until(condition: Callable[[], bool]) -> None:
    """Return once this is so."""
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for tells nobody
            await asyncio.sleep(0.001)
