"""Cores on which uploads are decoded: their server process, and who decodes there and who waits."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncGenerator

from sayso.audio.decode_process import DecodeProcess, ServerGone
from sayso.audio.decode_wire import Decoded, Ended, Order, Refusal
from sayso.errors import EngineOverloaded, EngineUnavailable

_log = logging.getLogger(__name__)


class DecodePlace:
    """One server process on `cores`, where any are named, which starts when it is first needed.

    With one that is `yielding` the server and its children let others go first. At most `concurrency` files
    are decoded at a time; `queue_depth` more wait.
    """

    def __init__(
        self, cores: tuple[int, ...], concurrency: int, queue_depth: int, *, yielding: bool = False
    ) -> None:
        self._cores = cores
        self._yielding = yielding
        self._slots = asyncio.Semaphore(concurrency)
        self._room = queue_depth
        self._server: DecodeProcess | None = None
        self._starting = asyncio.Lock()
        self._closed = False

    @property
    def server_pid(self) -> int | None:
        """The server's process id, None before it first starts."""
        return self._server.pid if self._server else None

    async def start(self) -> None:
        """Start the server process, a quarter of a second. Raises `EngineUnavailable`."""
        await self._running()

    async def close(self) -> None:
        """End the server process and whatever it decodes."""
        self._closed = True
        async with self._starting:
            if self._server:
                self._server.close()
                self._server = None

    @contextlib.asynccontextmanager
    async def slot(self) -> AsyncGenerator[None, None]:
        """Wait for a turn. Raises `EngineOverloaded` where too many do."""
        if self._slots.locked() and self._room <= 0:
            raise EngineOverloaded("Too many audio files are waiting to be decoded.")
        self._room -= 1
        try:
            await self._slots.acquire()
        finally:
            self._room += 1
        try:
            yield
        finally:
            self._slots.release()

    async def run(self, order: Order, source: int, sink: int) -> Decoded | Refusal | Ended:
        """Decode descriptor `source` into `sink`. Raises `EngineUnavailable`."""
        for _ in range(2):
            server = await self._running()
            try:
                return await server.run(order, source, sink)
            except ServerGone:
                await self._forget(server)
                os.ftruncate(sink, 0)
                os.lseek(sink, 0, os.SEEK_SET)
        raise EngineUnavailable("The audio decoder is not running.")

    async def _running(self) -> DecodeProcess:
        async with self._starting:
            if self._closed:
                raise EngineUnavailable("The audio decoder is shut down.")
            if self._server is None:
                self._server = await DecodeProcess.start(self._cores, yielding=self._yielding)
            return self._server

    async def _forget(self, server: DecodeProcess) -> None:
        async with self._starting:
            if self._server is server:
                _log.warning("the audio decoder's server process is gone; starting another")
                self._server = None
                server.close()
