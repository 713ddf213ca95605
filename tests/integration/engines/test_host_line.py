"""What an engine's thread sends past the event loop comes in its place, whole and in order."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest, Finished, Started, TextDelta
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo, Outlet
from sayso.engines.fake import FakeEngine
from sayso.engines.host import streaming
from sayso.engines.host.app import create_host
from sayso.engines.host.line import HostProtocol
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.connection import Connection, Endpoint
from sayso.errors import EngineError

Events = list[ChatEvent]


class ThreadedEngine(FakeEngine):
    """Writes `count` numbered deltas, each filled up to `size`, in a thread that never waits for the loop."""

    def __init__(self, count: int, size: int = 0, pause: float = 0.0) -> None:
        super().__init__()
        self._count = count
        self._size = size
        self._pause = threading.Event(), pause
        self.taken = 0

    def chat_into(self, request: ChatRequest, outlet: Outlet) -> AsyncGenerator[ChatEvent, None]:
        return self._write(outlet)

    def complete_into(self, request: CompletionRequest, outlet: Outlet) -> AsyncGenerator[ChatEvent, None]:
        return self._write(outlet)

    async def _write(self, outlet: Outlet) -> AsyncGenerator[ChatEvent, None]:
        yield Started(3)
        loop = asyncio.get_running_loop()
        queue: asyncio.Queue[Events] = asyncio.Queue()

        def run() -> None:
            event, seconds = self._pause
            for number in range(self._count):
                event.wait(seconds)
                batch: Events = [TextDelta(0, f"{number} ".rjust(self._size, "."), (), number + 1)]
                if outlet.take(batch):
                    self.taken += 1
                else:
                    loop.call_soon_threadsafe(queue.put_nowait, batch)
            last: Events = [Finished(TokenUsage(3, self._count))]
            assert not outlet.take(last)
            loop.call_soon_threadsafe(queue.put_nowait, last)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            while True:
                outlet.passed_on()
                for event in await queue.get():
                    yield event
                    if isinstance(event, Finished):
                        return
        finally:
            await asyncio.to_thread(thread.join)


class Server(uvicorn.Server):
    """Tells when it listens, and leaves signals alone."""

    def __init__(self, engine: FakeEngine, socket: Path) -> None:
        app = create_host(engine)
        super().__init__(
            uvicorn.Config(app, uds=str(socket), http=HostProtocol, lifespan="off", log_config=None)
        )
        self.listening = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[Any] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@contextlib.asynccontextmanager
async def served(engine: FakeEngine, socket: Path) -> AsyncIterator[UpstreamChatEngine]:
    server = Server(engine, socket)
    serving = asyncio.create_task(server.serve())
    await server.listening.wait()
    connection = Connection(Endpoint("http://engine/v1", socket))
    try:
        yield UpstreamChatEngine(connection, "m", EngineInfo("fp"))
    finally:
        await connection.close()
        server.should_exit = True
        await serving


async def heard(engine: UpstreamChatEngine, *, wait: float = 0.0) -> tuple[str, ChatEvent]:
    """Return the text and the last event; `wait` seconds pass before the second is read."""
    text = ""
    event: ChatEvent = Started(0)
    async with aclosing(engine.chat(ChatRequest("m", ()))) as events:
        async for event in events:
            if isinstance(event, TextDelta):
                text += event.text
                await asyncio.sleep(wait)
                wait = 0.0
    return text, event


def numbered(count: int, size: int = 0) -> str:
    return "".join(f"{number} ".rjust(size, ".") for number in range(count))


async def test_most_go_past_the_loop_and_all_arrive_in_order(tmp_path: Path) -> None:
    engine = ThreadedEngine(300, pause=0.002)
    async with served(engine, tmp_path / "s") as client:
        for _ in range(2):  # the connection is used again
            assert await heard(client) == (numbered(300), Finished(TokenUsage(3, 300)))
    assert engine.taken > 400


async def test_a_reader_that_waits_gets_all_in_order(tmp_path: Path) -> None:
    """More than the socket's buffers hold, which sends by halves and not at all."""
    engine = ThreadedEngine(400, size=20_000, pause=0.0002)
    async with served(engine, tmp_path / "s") as client:
        text, last = await heard(client, wait=0.5)
    assert text == numbered(400, 20_000)
    assert last == Finished(TokenUsage(3, 400))
    assert 0 < engine.taken < 400


async def test_signs_of_life_do_not_break_a_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "ALIVE_SECONDS", 0.001)
    engine = ThreadedEngine(500, pause=0.0005)
    async with served(engine, tmp_path / "s") as client:
        assert await heard(client) == (numbered(500), Finished(TokenUsage(3, 500)))
    assert engine.taken


async def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    engine = ThreadedEngine(200, pause=0.002)
    async with served(engine, tmp_path / "s") as client:
        async with aclosing(client.chat(ChatRequest("m", ()))) as events:
            async for event in events:
                if isinstance(event, TextDelta) and event.completion_tokens > 20:
                    break
        assert (await heard(client))[0] == numbered(200)


async def test_an_error_ends_the_stream_in_its_place(tmp_path: Path) -> None:
    class Breaking(ThreadedEngine):
        async def _write(self, outlet: Outlet) -> AsyncGenerator[ChatEvent, None]:
            async with aclosing(super()._write(outlet)) as events:
                async for event in events:
                    if isinstance(event, Finished):
                        raise EngineError("It broke.")
                    yield event

    async with served(Breaking(50, pause=0.001), tmp_path / "s") as client:
        with pytest.raises(EngineError, match="It broke"):
            await heard(client)
