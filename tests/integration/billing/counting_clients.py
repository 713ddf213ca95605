"""Clients on a real socket that remember exactly what they got before the connection broke."""

import asyncio
import random
from dataclasses import dataclass, field

import orjson

from tests.integration.billing.billed_application import BOUNDARY, upload

KINDS = ("chat", "chat", "streamed chat", "completion", "speech")


@dataclass
class Got:
    """By request, what complete answers said was used: tokens, or seconds for speech.

    `broken` has what the last frame said of streams that had none that ends them.
    """

    whole: dict[str, int] = field(default_factory=dict)
    streamed: dict[str, int] = field(default_factory=dict)
    broken: dict[str, int] = field(default_factory=dict)
    _left: int = 0
    _enough: asyncio.Event = field(default_factory=asyncio.Event)

    def hear(self, request_id: str, used: int, *, streamed: bool) -> None:
        """Remember an answer."""
        (self.streamed if streamed else self.whole)[request_id] = used
        self._left -= 1
        if self._left == 0:
            self._enough.set()

    async def more(self, answers: int) -> None:
        """Wait for so many more."""
        self._left = answers
        self._enough.clear()
        await self._enough.wait()


async def ask_until_broken(port: int, clients: int, seed: int, got: Got) -> None:
    """Ask for mixed answers, `clients` at once, until the server is gone."""

    async def client(number: int) -> None:
        chance = random.Random(seed * 1_000 + number)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            while True:
                await _ask(reader, writer, chance.choice(KINDS), got)
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        finally:
            writer.close()

    await asyncio.gather(*map(client, range(clients)))


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kind: str, got: Got) -> None:
    path, body, content_type = _request(kind)
    head = f"POST {path} HTTP/1.1\r\nHost: sayso\r\nAuthorization: Bearer sk-0-0-0\r\n"
    head += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
    status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines if line)
    received: list[bytes] = []
    try:
        await _body(reader, headers, received)
    except (asyncio.IncompleteReadError, ConnectionError):
        if kind == "streamed chat" and (seen := _last_usage(b"".join(received))) is not None:
            got.broken[headers["x-request-id"]] = seen["total_tokens"]
        raise
    content = b"".join(received)
    assert " 200 " in status, content
    usage = _last_usage(content) if kind == "streamed chat" else orjson.loads(content)["usage"]
    assert usage is not None
    used = usage.get("total_tokens") or usage["seconds"]
    got.hear(headers["x-request-id"], used, streamed=kind == "streamed chat")


def _last_usage(stream: bytes) -> dict[str, int] | None:
    frames = [line[6:] for line in stream.splitlines() if line.startswith(b"data: {")]
    return orjson.loads(frames[-1])["usage"] if frames else None


async def _body(reader: asyncio.StreamReader, headers: dict[str, str], received: list[bytes]) -> None:
    if length := headers.get("content-length"):
        received.append(await reader.readexactly(int(length)))
        return
    while size := int(await reader.readuntil(b"\r\n"), 16):
        received.append((await reader.readexactly(size + 2))[:-2])
    await reader.readexactly(2)


def _request(kind: str) -> tuple[str, bytes, str]:
    if kind == "speech":
        return "/v1/audio/transcriptions", upload(16_000), f"multipart/form-data; boundary={BOUNDARY}"
    if kind == "completion":
        body: dict[str, object] = {"model": "gpt-3.5-turbo", "prompt": "some words", "max_tokens": 8}
        return "/v1/completions", orjson.dumps(body), "application/json"
    body = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "some words"}]}
    if kind == "streamed chat":
        body |= {
            "stream": True,
            "stream_options": {"include_usage": True, "continuous_usage_stats": True},
        }
    return "/v1/chat/completions", orjson.dumps(body), "application/json"
