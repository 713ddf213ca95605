"""The first moments of `sayso serve`: models begin to load, and meanwhile the rest of the program is read."""

import asyncio
import gc
import signal
import socket
from contextlib import suppress
from typing import Any

from sayso.app.head_start import HeadStart
from sayso.app.listening import event_loop, listen
from sayso.config import Settings
from sayso.core.collection import reading_program
from sayso.core.core_dumps import write_no_core_dump
from sayso.telemetry.logging import configure_logging

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_server(settings: Settings) -> None:
    """Serve until a signal comes. Raises `ConfigurationError` for what an operator must mend."""
    write_no_core_dump()
    configure_logging(settings.log_level, settings.log_format)
    bound = listen(settings)
    with asyncio.Runner(loop_factory=event_loop) as runner, suppress(asyncio.CancelledError):
        runner.run(_serve(settings, bound))


async def _serve(settings: Settings, bound: socket.socket) -> None:
    _stop_on_signals(asyncio.current_task())
    async with HeadStart.of(settings) as early:
        with reading_program():
            from sayso.cli.serving import serve_gateway  # a second, in which the models load
        gc.freeze()  # the program stays
        await serve_gateway(settings, bound, early)


def _stop_on_signals(task: "asyncio.Task[Any] | None") -> None:
    """Cancel the task on SIGTERM or SIGINT, by which all is ended that it has begun; a second one kills.

    That is until the server itself listens to signals. A shell has its background jobs ignore SIGINT: the
    server hears it then as well.
    """

    def cancel(*_: object) -> None:
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        if task is not None:
            task.cancel()

    for number in _SIGNALS:
        signal.signal(number, cancel)
