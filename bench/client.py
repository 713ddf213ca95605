"""A cheap client: it counts usage and reads clocks, and makes nothing of the text."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from bench.server import Server
from bench.workload import Recording

_CONTENT = b'"delta":{"content":"'  # the role's chunk has the role first


@dataclass(frozen=True, slots=True)
class Load:
    """How many requests or tokens in how many seconds; `waits` are the seconds of each request."""

    count: int
    seconds: float
    waits: tuple[float, ...] = ()

    @property
    def rate(self) -> float:
        """Count a second."""
        return self.count / self.seconds


class Client:
    """Talks to one server over kept connections."""

    def __init__(self, session: aiohttp.ClientSession, base_url: str) -> None:
        self._session = session
        self._base_url = base_url

    async def chat_streams(
        self, prompts: Sequence[str], max_tokens: int, model: str = "gpt-3.5-turbo"
    ) -> Load:
        """Stream an answer to every prompt at the same time; the count is the completion tokens."""
        begun = time.perf_counter()
        tokens = await asyncio.gather(*(self._stream(_body(p, max_tokens, model)) for p in prompts))
        return Load(sum(tokens), time.perf_counter() - begun)

    async def first_token(self, prompt: str) -> float:
        """Return the seconds until the first content of a stream."""
        begun = time.perf_counter()
        async with self._post("/chat/completions", _body(prompt, 1)) as response:
            seen = b""
            async for piece in response.content.iter_any():
                seen += piece
                if _CONTENT in seen:
                    wait = time.perf_counter() - begun
                    await response.read()
                    return wait
        raise RuntimeError("the stream ended without content")

    async def contents(self, prompt: str, max_tokens: int) -> AsyncIterator[bytes]:
        """Yield a stream's content as it arrives."""
        async with self._post("/chat/completions", _body(prompt, max_tokens)) as response:
            async for piece in response.content.iter_any():
                if _CONTENT in piece:
                    yield piece

    async def chat_whole(self, prompt: str, max_tokens: int, model: str) -> None:
        """Ask for a whole answer."""
        async with self._post("/chat/completions", _body(prompt, max_tokens, model, stream=False)) as answer:
            await answer.read()

    async def list_models(self) -> None:
        """Ask for the models."""
        async with self._session.get(self._base_url + "/models") as response:
            response.raise_for_status()
            await response.read()

    async def transcribe(self, recording: Recording) -> None:
        """Have a recording transcribed."""
        form = aiohttp.FormData()
        form.add_field("model", "whisper-1")
        form.add_field("response_format", "json")
        form.add_field("file", recording.content, filename=recording.name)
        async with self._session.post(self._base_url + "/audio/transcriptions", data=form) as response:
            response.raise_for_status()
            await response.read()

    async def transcribe_all(self, recordings: Iterable[Recording], *, at_once: int) -> float:
        """Return the seconds that all recordings take, `at_once` at the same time."""
        waiting = iter(recordings)

        async def work() -> None:
            for recording in waiting:
                await self.transcribe(recording)

        begun = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(at_once)))
        return time.perf_counter() - begun

    async def _stream(self, body: dict[str, Any]) -> int:
        async with self._post("/chat/completions", body) as response:
            end = b""
            async for piece in response.content.iter_any():
                end = (end + piece)[-2048:]
        last = end[end.rindex(b"data: {") + len(b"data: ") : end.rindex(b"\n\ndata: [DONE]")]
        return int(orjson.loads(last)["usage"]["completion_tokens"])

    @asynccontextmanager
    async def _post(self, path: str, body: dict[str, Any]) -> AsyncIterator[aiohttp.ClientResponse]:
        headers = {"content-type": "application/json"}
        content = orjson.dumps(body)
        async with self._session.post(self._base_url + path, data=content, headers=headers) as response:
            response.raise_for_status()
            yield response


@asynccontextmanager
async def client_of(server: Server) -> AsyncIterator[Client]:
    """Connect to a server."""
    # Shorter than the server keeps idle connections: this loop sleeps while a bare engine works.
    connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=2.0)
    headers = {"authorization": f"Bearer {server.key}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield Client(session, server.base_url)


def _body(
    prompt: str, max_tokens: int, model: str = "gpt-3.5-turbo", *, stream: bool = True
) -> dict[str, Any]:
    body: dict[str, Any] = {
        "model": model,
        "messages": [{"role": "user", "content": prompt}],
        "temperature": 0,
        "max_tokens": max_tokens,
    }
    return body | {"stream": True, "stream_options": {"include_usage": True}} if stream else body
