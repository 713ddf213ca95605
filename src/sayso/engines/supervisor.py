"""Keeps one engine host running: starts it, watches it, starts it again."""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Callable
from typing import Literal, TypeAlias

from sayso.engines.backoff import Backoff
from sayso.engines.base import EngineInfo
from sayso.engines.config import EngineConfig
from sayso.engines.memory import resident_bytes
from sayso.engines.process import EarlyHost, HostSocket, start_process, stop_process
from sayso.engines.upstream.connection import Connection, Endpoint
from sayso.errors import EngineFailed, EngineUnavailable
from sayso.telemetry.logging import EventLogger

log = EventLogger("engines")

SILENCE_SECONDS = 6.0  # three of the host's comments
MEMORY_SECONDS = 0.5  # between two looks at what a host takes

HostState: TypeAlias = Literal["loading", "ready", "down", "failed", "stopped"]


class EngineHost:
    """A host process and the connection to it.

    `on_state` is told of every change. A host that dies, or takes more memory than it may, is started again
    with back-off until `stop`. `failure` says why it is not there, where that is known. `early` is a process
    that has been started on this configuration already.
    """

    def __init__(
        self,
        config: EngineConfig,
        *,
        on_state: Callable[[HostState], None] = lambda state: None,
        early: EarlyHost | None = None,
    ) -> None:
        self.config = config
        self.state: HostState = "stopped"
        self.restarts = 0
        self.pid: int | None = None
        self.failure: str | None = None
        self._on_state = on_state
        self._socket = early.socket if early else HostSocket()
        self.connection = Connection(
            Endpoint("http://engine/v1", socket=self._socket.path, silence_seconds=SILENCE_SECONDS)
        )
        self._info: EngineInfo | None = None
        self._early = early
        self._process: asyncio.subprocess.Process | None = early.process if early else None
        self._task: asyncio.Task[None] | None = None
        self._first = asyncio.Event()
        self._renewing = False

    def start(self) -> None:
        """Begin to keep the host running."""
        self._task = asyncio.create_task(self._keep_running(), name=f"engine {self.config.snapshot}")

    async def ready(self) -> None:
        """Wait for the first start's end. Raises `EngineFailed` when the host could not load."""
        await self._first.wait()
        if self.state != "ready":
            raise EngineFailed(f"{self.config.snapshot}: {self.failure or 'the engine host ended early'}")

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` unless it is ready."""
        if self.state != "ready" or self._info is None:
            raise EngineUnavailable(
                f"The model `{self.config.snapshot}` is not ready ({self.state}); please retry shortly."
            )
        return self._info

    @property
    def described(self) -> EngineInfo | None:
        """What the engine said of itself when it became ready, None unless it is."""
        return self._info if self.state == "ready" else None

    async def load(self) -> EngineInfo:
        """Ask the host itself, for what changes: memory, requests that run and wait."""
        return EngineInfo(**await self.connection.get_json("/info"))

    def renew(self) -> None:
        """Start the host anew, where it is ready: what requests have left in its memory goes with it.

        It is away until it has loaded; that counts as no restart.
        """
        process = self._process
        if self.state == "ready" and process is not None and process.returncode is None:
            self._renewing = True
            self._info = None
            self._change("loading")
            process.send_signal(signal.SIGTERM)

    async def stop(self) -> None:
        """End the host: politely, then by force."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None:
            await stop_process(self._process)
        await self.connection.close()
        self._socket.remove()
        self._change("stopped")

    async def _keep_running(self) -> None:
        backoff = Backoff()
        while True:
            await asyncio.sleep(backoff.seconds)
            started = time.monotonic()
            await self._run_once()
            backoff = backoff.after(time.monotonic() - started)
            self._first.set()
            if self._renewing:
                self._renewing, backoff = False, Backoff()
                log.info("engine_renewed", model=self.config.snapshot)
                continue
            self.restarts += 1
            log.warning(
                "engine_host_ended",
                model=self.config.snapshot,
                retry_seconds=backoff.seconds,
                reason=self.failure or "",
            )

    async def _run_once(self) -> None:
        self._change("loading")
        process = await self._started()
        self._process, self.pid = process, process.pid
        if process.stdout is None:
            raise EngineFailed("the engine host has no pipes")
        bounded = asyncio.create_task(self._bound_memory(process))
        try:
            while line := await process.stdout.readline():
                await self._hear(json.loads(line))
            await process.wait()
        finally:
            bounded.cancel()
        self._info = None
        # Pooled connections lead to the dead process.
        await self.connection.close()
        if self.state != "failed" and not self._renewing:
            self._change("down")

    async def _started(self) -> asyncio.subprocess.Process:
        early, self._early = self._early, None
        if early is not None:
            return early.process
        self._socket.path.unlink(missing_ok=True)
        return await start_process(self.config, self._socket.path)

    async def _hear(self, message: dict[str, str]) -> None:
        match message:
            case {"event": "ready"}:
                self._info = await self.load()
                self.failure = None
                self._change("ready")
                self._first.set()
            case {"event": "failed", "message": text}:
                self.failure = text
                self._change("failed")
            case _:
                pass

    async def _bound_memory(self, process: asyncio.subprocess.Process) -> None:
        """End a host that takes too much before the system has to choose whom to end."""
        while self.config.memory_bytes:
            if resident_bytes(process.pid) > self.config.memory_bytes:
                self.failure = f"it takes more than its {self.config.memory_bytes >> 20} MiB of memory"
                process.kill()
                return
            await asyncio.sleep(MEMORY_SECONDS)

    def _change(self, state: HostState) -> None:
        self.state = state
        self._on_state(state)
