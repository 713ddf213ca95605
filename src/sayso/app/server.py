"""Serves the gateway over HTTP, and stops it the way an operator expects."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable

import uvicorn

from sayso.app.gateway import Gateway
from sayso.core.priority import wait_for_the_model
from sayso.engines.host.ending_server import EndingServer
from sayso.telemetry.logging import EventLogger

log = EventLogger("server")

_FAREWELL_SECONDS = 3.0  # for the last frames to leave once the engines are gone
_TICK_SECONDS = 1.0  # how old the date in an answer's head may be


class _Server(EndingServer):
    """The same with a date in its answers."""

    async def main_loop(self) -> None:
        """Keep the date, until the end."""
        while not await self.on_tick(0):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_TICK_SECONDS):
                    await self.ending.wait()


async def serve(gateway: Gateway, bound: socket.socket, on_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT; `on_ready` is called once every model is loaded.

    The first signal drains: not ready at once, new work refused, running answers get `drain_seconds` to
    finish, then the engines end and with them, by an error event, what still runs. A second signal cuts
    that short.
    """
    wait_for_the_model()
    server = _Server(
        uvicorn.Config(
            gateway.app,
            loop="none",
            http="httptools",
            ws="none",
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=int(_FAREWELL_SECONDS),
        )
    )
    signals = _Signals(asyncio.get_running_loop())
    serving = asyncio.create_task(server.serve([bound]))
    try:
        await gateway.start()
        ready = asyncio.create_task(gateway.ready())
        stopping = asyncio.create_task(signals.first.wait())
        await asyncio.wait((ready, stopping, serving), return_when=asyncio.FIRST_COMPLETED)
        if ready.done():
            ready.result()
            # The program itself stays; scanning it again at every full collection would stop all for 100 ms.
            gc.collect()
            gc.freeze()
            on_ready()
            await asyncio.wait((stopping, serving), return_when=asyncio.FIRST_COMPLETED)
        else:
            ready.cancel()
        await _drain(gateway, server, signals)
    finally:
        server.end()
        await gateway.stop_engines()
        await serving
        await gateway.stop()
        signals.restore()


class _Signals:
    """Two events: the first signal and the second."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.first = asyncio.Event()
        self.second = asyncio.Event()
        self._loop = loop
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._hear)

    def restore(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.remove_signal_handler(number)

    def _hear(self) -> None:
        (self.second if self.first.is_set() else self.first).set()


async def _drain(gateway: Gateway, server: uvicorn.Server, signals: _Signals) -> None:
    gateway.health.drain()
    log.info("draining", seconds=gateway.settings.drain_seconds)
    idle = asyncio.create_task(_idle(server))
    hurried = asyncio.create_task(signals.second.wait())
    await asyncio.wait(
        (idle, hurried), timeout=gateway.settings.drain_seconds, return_when=asyncio.FIRST_COMPLETED
    )
    for task in (idle, hurried):
        task.cancel()


async def _idle(server: uvicorn.Server) -> None:
    """Return once no request runs."""
    while server.server_state.tasks:
        await asyncio.wait(set(server.server_state.tasks))
