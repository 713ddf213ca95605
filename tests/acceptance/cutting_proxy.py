"""A proxy on the loopback that cuts connections where a test says, and counts the requests that pass."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Cut:
    """Where to cut: behind so many bytes of the answer, or before that once `when` returns."""

    behind: int = 0
    when: Callable[[], Awaitable[None]] | None = None


class CuttingProxy:
    """Stands before a server; each connection takes the next of `cuts`, and none once there are no more."""

    def __init__(self, port: int, *cuts: Cut) -> None:
        self.requests = 0
        self._port = port
        self._cuts = deque(cuts)
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    @property
    def base_url(self) -> str:
        """The address to give to a client."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/v1"

    async def __aenter__(self) -> "CuttingProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._open:
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._pass(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        cut = self._cuts.popleft() if self._cuts else None
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        pumps = [
            asyncio.create_task(self._send(reader, inner_writer)),
            asyncio.create_task(_answer(inner_reader, writer, cut)),
        ]
        if cut is not None and cut.when is not None:
            pumps.append(asyncio.ensure_future(cut.when()))
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            writer.transport.abort()
            inner_writer.transport.abort()

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while piece := await reader.read(1 << 16):
            self.requests += piece.startswith(b"POST ")
            writer.write(piece)
            await writer.drain()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: Cut | None) -> None:
    passed = 0
    while piece := await reader.read(1 << 16):
        if cut is not None and passed + len(piece) > cut.behind:
            writer.write(piece[: cut.behind - passed])
            await writer.drain()
            return
        passed += len(piece)
        writer.write(piece)
        await writer.drain()
