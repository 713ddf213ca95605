"""A host's process: started in the background, with its configuration on its standard input."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
from pathlib import Path

from sayso.engines.config import EngineConfig
from sayso.errors import EngineFailed

STOP_SECONDS = 5.0
TEMPORARY_LENGTH = 75  # characters of the temporary folder's path that leave room for a socket's

_SETTINGS = "SAYSO_"  # what begins like this is the gateway's, secrets among it


class HostSocket:
    """The unix socket that a host listens on, in a folder that only its owner may read."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="sayso-", dir=_socket_folder())
        self.path = Path(self._folder.name) / "engine.sock"

    def remove(self) -> None:
        """Remove the folder."""
        self._folder.cleanup()


class EarlyHost:
    """A process that was started before anybody supervises it."""

    def __init__(self, config: EngineConfig, socket: HostSocket, process: asyncio.subprocess.Process) -> None:
        self.config = config
        self.socket = socket
        self.process = process

    @classmethod
    async def begin(cls, config: EngineConfig) -> "EarlyHost":
        """Start the process; does not wait until it has loaded."""
        socket = HostSocket()
        return cls(config, socket, await start_process(config, socket.path))

    async def stop(self) -> None:
        """End the process, which nobody wants."""
        await stop_process(self.process)
        self.socket.remove()


async def start_process(config: EngineConfig, socket: Path) -> asyncio.subprocess.Process:
    """Start a host that will listen on `socket`; it says on its standard output how that goes."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "sayso.engines.host",
        str(socket),
        env=_host_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    if process.stdin is None:
        raise EngineFailed("the engine host has no pipes")
    process.stdin.write(json.dumps(config.to_json()).encode() + b"\n")
    return process


async def stop_process(process: asyncio.subprocess.Process) -> None:
    """End a host politely, then by force."""
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):  # it ends by itself at this moment
        process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _host_environment() -> dict[str, str]:
    """Return the gateway's environment without what is its own, and with ONNX Runtime told to tell nobody."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_SETTINGS)}
    return kept | {"ORT_DISABLE_TELEMETRY": "1"}


def _socket_folder() -> str | None:
    """Return where sockets are made: a unix socket's path has 107 characters at most."""
    long = len(tempfile.gettempdir()) > TEMPORARY_LENGTH
    return "/tmp" if long else None  # noqa: S108 - what is made in it is its owner's alone
