"""`python -m sayso.engines.host SOCKET`: serve one engine, told of on standard input, on a unix socket.

Standard output carries one JSON object a line for the supervisor: `{"event": "loading"}`, then `ready` or
`failed` with a message. It ends when standard input closes: the gateway has gone.
"""

import asyncio
import contextlib
import gc
import json
import signal
import socket
import sys
import threading
from typing import Any

import uvicorn
import uvloop

from sayso.core.collection import reading_program
from sayso.core.core_dumps import write_no_core_dump
from sayso.core.cores import stay_on
from sayso.core.parent import end_with_parent
from sayso.core.priority import let_others_go_first, run_as_usual, wait_for_the_model
from sayso.core.time_slice import take_turns_as_usual
from sayso.engines.base import ChatEngine, SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.engines.host.app import create_host
from sayso.engines.host.ending_server import EndingServer
from sayso.engines.host.line import HostProtocol
from sayso.engines.registry import load_engine
from sayso.errors import SaysoError


def main() -> int:
    """Run the host; the exit status is 0 after an orderly stop, 1 when the engine can not be loaded."""
    end_with_parent()
    write_no_core_dump()
    run_as_usual()  # the engine's threads inherit it
    take_turns_as_usual()
    config = EngineConfig.from_json(json.loads(sys.stdin.readline()))
    _say("loading")
    if config.yielding:
        let_others_go_first()
    try:
        stay_on(config.cores)  # before the engine's threads start, which inherit it
    except OSError as error:
        _say("failed", message=f"there are no cores {list(config.cores)}: {error.strerror}")
        return 1
    try:
        with reading_program():
            engine = load_engine(config)
    except SaysoError as error:
        _say("failed", message=error.message)
        return 1
    wait_for_the_model()
    gc.freeze()  # the model stays; scanning it again at every collection would only add pauses
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_serve(engine, sys.argv[1]))
    return 0


class _Server(EndingServer):
    """The same, which tells the supervisor that it listens."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        _say("ready")


async def _serve(engine: ChatEngine | SpeechEngine, path: str) -> None:
    settings = uvicorn.Config(
        create_host(engine),
        uds=path,
        loop="none",
        http=HostProtocol,
        ws="none",
        lifespan="off",
        access_log=False,
        date_header=False,
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = _Server(settings)
    loop = asyncio.get_running_loop()

    loop.add_signal_handler(signal.SIGTERM, server.end)
    loop.add_signal_handler(signal.SIGINT, lambda: None)  # Ctrl-C is the gateway's to answer
    threading.Thread(target=_wait_for_gateway, args=(loop, server.end), daemon=True).start()
    await server.serve()


def _wait_for_gateway(loop: asyncio.AbstractEventLoop, stop: Any) -> None:
    while sys.stdin.readline():
        pass
    with contextlib.suppress(RuntimeError):  # the loop may have closed first
        loop.call_soon_threadsafe(stop)


def _say(event: str, **fields: str) -> None:
    print(json.dumps({"event": event, **fields}), flush=True)  # noqa: T201 - the supervisor's channel


if __name__ == "__main__":
    sys.exit(main())
