"""The gateway's end of the decoder's server process. Imports nothing of FFmpeg."""

import asyncio
import os
import socket
import subprocess
import sys

from sayso.audio.decode_wire import (
    AS_USUAL,
    MESSAGE_BYTES,
    YIELDING,
    Decoded,
    Ended,
    NotStarted,
    Order,
    Refusal,
    encode,
    parse,
)
from sayso.errors import EngineUnavailable

_START_SECONDS = 30.0
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")


class ServerGone(Exception):
    """The server process died; the file itself need not be at fault."""


class DecodeProcess:
    """A running server process, which forks a child for each job."""

    def __init__(self, popen: "subprocess.Popen[bytes]", control: socket.socket) -> None:
        self._popen = popen
        self._control = control

    @classmethod
    async def start(cls, cores: tuple[int, ...] = (), *, yielding: bool = False) -> "DecodeProcess":
        """Start one and wait until it is ready. Raises `EngineUnavailable`.

        It stays on `cores`, as the kernel numbers them; empty: on those of this process. A `yielding` one
        lets others there go first.
        """
        process = cls._spawn(YIELDING if yielding else AS_USUAL, *map(str, cores))
        ready = False
        try:
            ready = await process._answers()  # noqa: SLF001 - its own class
        finally:
            if not ready:
                process.close()
        if not ready:
            raise EngineUnavailable("The audio decoder does not start.")
        return process

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(_START_SECONDS):
                return bool(await asyncio.get_running_loop().sock_recv(self._control, MESSAGE_BYTES))
        except (TimeoutError, OSError):
            return False

    @classmethod
    def _spawn(cls, *how: str) -> "DecodeProcess":
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            try:
                popen = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-P", "-m", "sayso.audio.decode_server", str(theirs.fileno()), *how],
                    env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
                    pass_fds=[theirs.fileno()],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
            except OSError as error:
                ours.close()
                raise EngineUnavailable("The audio decoder does not start.") from error
        ours.setblocking(False)
        return cls(popen, ours)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._popen.pid

    async def run(self, order: Order, source: int, sink: int) -> Decoded | Refusal | Ended:
        """Decode descriptor `source` into `sink`; return when the child is gone, `Ended` if it fell silent.

        Cancelling kills the child. Raises `ServerGone`, and `EngineUnavailable` when the system lets no
        child start.
        """
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with ours:
            ours.setblocking(False)
            with theirs:
                self._send(order, theirs.fileno(), source, sink)
            return await _outcome(ours)

    def _send(self, order: Order, *descriptors: int) -> None:
        try:
            socket.send_fds(self._control, [encode(order)], descriptors)
        except BlockingIOError as error:
            raise EngineUnavailable("The audio decoder does not take orders.") from error
        except OSError as error:
            raise ServerGone from error

    def close(self) -> None:
        """End the server and its children."""
        self._control.close()
        self._popen.kill()
        self._popen.wait()


async def _outcome(job: socket.socket) -> Decoded | Refusal | Ended:
    loop = asyncio.get_running_loop()
    said: Decoded | Refusal | None = None
    while True:
        try:
            datagram = await loop.sock_recv(job, MESSAGE_BYTES)
        except ConnectionResetError:
            datagram = b""
        if not datagram:
            raise ServerGone
        match parse(datagram):
            case Ended(status=0) if said is not None:
                return said
            case Ended() as ended:
                return ended
            case NotStarted():
                raise EngineUnavailable("The system has no room for another audio decoder.")
            case Decoded() | Refusal() as said:
                continue
            case Order():
                raise ServerGone
