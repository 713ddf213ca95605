"""The dedicated instances that run on this machine: an engine host each, on cores of its own."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from sayso.catalog.snapshot import UpstreamSource
from sayso.dedicated.configuration import Configuration, restart_needed
from sayso.dedicated.cores import CoreBoard
from sayso.dedicated.footprints import Footprint, Footprints
from sayso.dedicated.hosting import Prepare, Prepared, check_memory, host_config
from sayso.dedicated.instance import Instance
from sayso.dedicated.load import engine_cap
from sayso.dedicated.machine import Machine
from sayso.dedicated.running import Generation, RunningInstance
from sayso.dedicated.runtime import InstanceWatch, ProvisioningFailed, RuntimeStatus
from sayso.engines.base import ChatEngine, SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.engines.hosted import HostedChatEngine, HostedSpeechEngine
from sayso.engines.memory import resident_bytes
from sayso.engines.process import STOP_SECONDS
from sayso.engines.supervisor import EngineHost, HostState
from sayso.errors import SaysoError
from sayso.ids import InstanceId
from sayso.telemetry.logging import EventLogger

RETIRE_SECONDS: Final = 300.0  # how long a host that was replaced may go on with what it has
FAILED_STARTS: Final = 3  # in a row, after which a host is given up

log = EventLogger("instances")


class Fleet:
    """Satisfies `InstanceRuntime`, and knows who may use what.

    `prepare` gives a snapshot's files and settings; `chat` and `speech` may put something in front of an
    engine, and get the instance's id.
    """

    def __init__(
        self,
        machine: Machine,
        prepare: Prepare,
        footprints: Path,
        *,
        chat: Callable[[ChatEngine, InstanceId], ChatEngine] = lambda engine, _: engine,
        speech: Callable[[SpeechEngine, InstanceId], SpeechEngine] = lambda engine, _: engine,
    ) -> None:
        self.machine = machine
        self._cores = CoreBoard(machine.instance_cores)
        self._prepare = prepare
        self._footprints = Footprints(footprints)
        self._chat = chat
        self._speech = speech
        self._instances: dict[InstanceId, RunningInstance] = {}
        self._retiring: dict[InstanceId, dict[Generation, asyncio.Task[None]]] = {}
        self._watch: InstanceWatch | None = None
        self._failures: dict[InstanceId, int] = {}
        self._ending: set[asyncio.Task[None]] = set()

    def find(self, project_id: str, snapshot: str) -> RunningInstance | None:
        """Return the project's instance of a snapshot that takes requests, the least busy of several."""
        found = (
            one
            for one in self._instances.values()
            if one.project_id == project_id and one.snapshot == snapshot and one.accepting and one.current.up
        )
        return min(found, key=lambda one: one.pressure, default=None)

    def snapshots(self, project_id: str) -> frozenset[str]:
        """Return the ids of the snapshots that a project has instances of."""
        return frozenset(one.snapshot for one in self._instances.values() if one.project_id == project_id)

    def crowded_cores(self, seconds: float) -> frozenset[int]:
        """Return the cores of the instances that had more requests than they take, in the last `seconds`."""
        crowded = (one.current for one in self._instances.values() if one.entrance.crowded(seconds))
        return frozenset(core for generation in crowded for core in generation.cores)

    def watch(self, watch: InstanceWatch) -> None:
        """Have `watch` told of hosts from now on."""
        self._watch = watch

    async def provision(self, instance: Instance) -> None:
        """Start the instance's host. Raises `ProvisioningFailed`."""
        generation = await self._start(instance, instance.configuration)
        self._instances[instance.id] = RunningInstance(instance, generation)
        log.info("instance_ready", instance_id=instance.id, model=instance.snapshot)

    async def update(self, instance: Instance, configuration: Configuration, *, anew: bool = False) -> None:
        """Bring `configuration` to a running instance, by its gate or another host."""
        running = self._instances.get(instance.id)
        if running is None:
            raise ProvisioningFailed("The instance does not run here.")
        old = running.current
        if not anew and not restart_needed(old.configuration, configuration, old.places):
            running.entrance.change(configuration.load)
            return
        new = await self._start(instance, configuration, beside=old)
        running.replace(new)
        retiring = self._retiring.setdefault(instance.id, {})
        retiring[old] = asyncio.create_task(self._retire(old))
        retiring[old].add_done_callback(lambda _: retiring.pop(old))

    def open_gate(self, instance_id: InstanceId, concurrency: int) -> int:
        """Let so many requests through, or as many as the engine was started for, until the next update."""
        running = self._instances.get(instance_id)
        if running is None:
            return 0
        let = min(concurrency, engine_cap(running.current.configuration.load))
        running.entrance.change(replace(running.entrance.gate.load, max_concurrency=let))
        return let

    async def stop(self, instance_id: InstanceId, drain_seconds: float) -> None:
        """Take no more requests, let those that run go on for so long, end the host."""
        running = self._instances.get(instance_id)
        if running is None:
            return
        running.accepting = False
        await running.current.drained(drain_seconds)
        running.entrance.close()
        await self._end(running.current)
        retiring = self._retiring.get(instance_id, {})
        for old in retiring:
            old.hurry()
        await asyncio.gather(*retiring.values())
        if self._instances.get(instance_id) is running:
            del self._instances[instance_id]
            self._failures.pop(instance_id, None)
            self._retiring.pop(instance_id, None)

    async def close(self) -> None:
        """End every host now."""
        await asyncio.gather(*(self.stop(instance_id, 0.0) for instance_id in tuple(self._instances)))
        await asyncio.gather(*self._ending)

    def status(self, instance_id: InstanceId) -> RuntimeStatus | None:
        """Return how an instance runs."""
        running = self._instances.get(instance_id)
        if running is None:
            return None
        now = running.current
        info = now.host.described
        return RuntimeStatus(
            up=now.up,
            running=running.entrance.running,
            waiting=running.entrance.waiting,
            resident_mib=resident_bytes(now.host.pid) >> 20 if now.up and now.host.pid else 0,
            cores=now.cores,
            fingerprint=info.fingerprint if info else "",
            places=now.places,
            idle_seconds=None if now.idle_since is None else time.monotonic() - now.idle_since,
            busy_seconds=running.entrance.busy_seconds,
            width=running.entrance.gate.load.max_concurrency,
        )

    async def _start(
        self, instance: Instance, configuration: Configuration, *, beside: Generation | None = None
    ) -> Generation:
        """Start a host and wait for it; it leaves nothing behind where that does not come to its end."""
        if configuration.share.gpus:
            raise ProvisioningFailed("This machine has no GPUs for instances.")
        holder = object()
        cores = await self._cores.take(
            holder,
            configuration.share.cores,
            beside=beside.cores if beside else (),
            patience=RETIRE_SECONDS + STOP_SECONDS,
        )
        if cores is None:
            raise ProvisioningFailed(f"This machine has no {configuration.share.cores} cores left.")
        host = None
        try:
            prepared = await self._prepared(configuration)
            heard = partial(self._heard, instance.id, holder)
            host = self._host(prepared, configuration, cores, heard)
            await host.ready()
            await self._measured(prepared, configuration, host)
            better = self._config(prepared, configuration, cores)
            if better.cache_tokens > host.config.cache_tokens:
                # The first of its snapshot: now that it is measured, all of its memory can be used.
                await host.stop()
                host = self._host(prepared, configuration, cores, heard)
                await host.ready()
        except BaseException as error:
            if host is not None:
                await asyncio.shield(host.stop())
            self._cores.give_back(holder)
            if isinstance(error, SaysoError):
                raise ProvisioningFailed(error.message) from error
            raise
        return self._generation(instance, configuration, prepared, host, holder)

    def _host(
        self,
        prepared: Prepared,
        configuration: Configuration,
        cores: tuple[int, ...],
        heard: Callable[[HostState], None],
    ) -> EngineHost:
        host = EngineHost(self._config(prepared, configuration, cores), on_state=heard)
        host.start()
        return host

    def _config(
        self, prepared: Prepared, configuration: Configuration, cores: tuple[int, ...]
    ) -> EngineConfig:
        footprint = self._footprints.find(prepared.snapshot.digest)
        return host_config(prepared, configuration, cores, footprint)

    async def _prepared(self, configuration: Configuration) -> Prepared:
        prepared = await self._prepare(configuration.snapshot)
        if isinstance(prepared.snapshot.source, UpstreamSource) or prepared.snapshot.engine == "mock":
            raise ProvisioningFailed(f"{configuration.snapshot} does not run in a host of this machine.")
        return prepared

    async def _measured(self, prepared: Prepared, configuration: Configuration, host: EngineHost) -> None:
        """Remember what a first host has measured. Raises `ProvisioningFailed` where it takes too much."""
        if not host.config.measured:
            return
        footprint = Footprint.of(await host.info())
        if footprint.loaded_bytes:
            self._footprints.keep(prepared.snapshot.digest, footprint)
            if prepared.snapshot.kind == "chat":
                check_memory(configuration, footprint, host.config.cache_tokens)

    def _generation(
        self,
        instance: Instance,
        configuration: Configuration,
        prepared: Prepared,
        host: EngineHost,
        holder: object,
    ) -> Generation:
        chat, speech = None, None
        if prepared.snapshot.kind == "chat":
            chat = self._chat(HostedChatEngine(host), instance.id)
        else:
            speech = self._speech(HostedSpeechEngine(host), instance.id)
        room = host.config.cache_tokens if chat else 0
        return Generation(configuration, host, host.config.cores, room, holder, chat, speech)

    async def _retire(self, old: Generation) -> None:
        """End a host that was replaced, once it has done what it has."""
        if not await old.drained(RETIRE_SECONDS):
            log.warning("instance_host_cut_off", model=old.configuration.snapshot, count=old.requests)
        await self._end(old)

    async def _end(self, generation: Generation) -> None:
        await generation.host.stop()
        self._cores.give_back(generation.holder)

    def _heard(self, instance_id: InstanceId, holder: object, state: HostState) -> None:
        """Pass on what happens to the host that takes an instance's requests, once it has been ready."""
        running = self._instances.get(instance_id)
        if running is None or running.current.holder is not holder or not running.accepting:
            return
        host = running.current.host
        if state == "ready":
            self._failures.pop(instance_id, None)
            if self._watch is not None:
                self._watch.up(instance_id)
        elif state in ("down", "failed"):
            failures = self._failures[instance_id] = self._failures.get(instance_id, 0) + 1
            reason = host.failure or "the engine host ended"
            if failures >= FAILED_STARTS:
                self._give_up(running, reason)
            elif self._watch is not None and failures == 1:
                self._watch.down(instance_id, reason)

    def _give_up(self, running: RunningInstance, reason: str) -> None:
        if self._watch is not None:
            self._watch.lost(running.id, reason)
        task = asyncio.create_task(self.stop(running.id, 0.0))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)
