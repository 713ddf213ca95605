"""One server to talk to: a unix socket or a base URL, JSON out, server-sent events in."""

import asyncio
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from sayso.core.speech import Audio
from sayso.engines.wire.errors import decode_error, decode_stream_error
from sayso.engines.wire.speech import multipart_parts
from sayso.engines.wire.sse import SseParser
from sayso.errors import EngineFailed, EngineUnavailable


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a server is.

    `base_url` ends in `/v1`; `socket` is the unix socket to reach it by, if it has one. `silence_seconds` is
    how long a stream may say nothing, comments included, before it is given up.
    """

    base_url: str
    socket: Path | None = None
    api_key: str | None = None
    silence_seconds: float = 60.0
    connect_seconds: float = 5.0


class Connection:
    """A pool of connections to one `Endpoint`; made on first use, in the running event loop."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def get_json(self, path: str) -> Any:
        """Return the JSON body at `path`. Raises what `decode_error` makes of a refusal."""
        async with self._request("GET", path) as response:
            return orjson.loads(await response.read())

    async def post_headers(self, path: str, body: dict[str, Any]) -> Mapping[str, str]:
        """Return the headers of the answer to `body`, once it has been read."""
        headers = {"content-type": "application/json"}
        async with self._request("POST", path, headers=headers, data=orjson.dumps(body)) as response:
            await response.read()
            return response.headers

    async def post_json(self, path: str, body: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the JSON of every event that answers `body`."""
        headers = {"content-type": "application/json"}
        async with self._request("POST", path, headers=headers, data=orjson.dumps(body)) as response:
            async for event in _events(response):
                yield event

    async def post_audio(
        self, path: str, fields: list[tuple[str, str]], audio: Audio
    ) -> AsyncGenerator[dict[str, Any], None]:
        """Yield the JSON of every event that answers an upload of `audio`; a plain answer is one event."""
        boundary = secrets.token_hex(16)
        length = sum(len(part) for part in multipart_parts(fields, audio, boundary))
        headers = {
            "content-type": f"multipart/form-data; boundary={boundary}",
            "content-length": str(length),
        }
        parts = _pieces(fields, audio, boundary)
        async with self._request("POST", path, headers=headers, data=parts) as response:
            if response.content_type == "text/event-stream":
                async for event in _events(response):
                    yield event
            else:
                yield orjson.loads(await response.read())

    @asynccontextmanager
    async def _request(
        self, method: str, path: str, *, headers: dict[str, str] | None = None, data: Any = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        session = self._open()
        try:
            async with session.request(
                method, self.endpoint.base_url + path, headers=headers, data=data
            ) as response:
                if response.status >= 400:
                    raise decode_error(
                        response.status, _json(await response.read()), response.headers.get("retry-after")
                    )
                yield response
        except aiohttp.ServerTimeoutError as error:
            raise EngineFailed("The engine stopped answering.") from error
        except aiohttp.ClientConnectorError as error:
            raise EngineUnavailable("The engine can not be reached.") from error
        except (aiohttp.ClientError, ConnectionError) as error:
            raise EngineFailed("The engine went away while it worked on the request.") from error

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            endpoint = self.endpoint
            connector: aiohttp.BaseConnector
            if endpoint.socket is not None:
                connector = aiohttp.UnixConnector(str(endpoint.socket), limit=0)
            else:
                connector = aiohttp.TCPConnector(limit=0)
            headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else None
            timeout = aiohttp.ClientTimeout(
                total=None, connect=endpoint.connect_seconds, sock_read=endpoint.silence_seconds
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                headers=headers,
                timeout=timeout,
                read_bufsize=1 << 18,
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=("user-agent", "accept", "accept-encoding"),
            )
        return self._session


async def _pieces(
    fields: list[tuple[str, str]], audio: Audio, boundary: str
) -> AsyncGenerator[bytes | memoryview, None]:
    for part in multipart_parts(fields, audio, boundary):
        yield part
        await asyncio.sleep(0)  # a two-hour upload must not hold up other streams


async def _events(response: aiohttp.ClientResponse) -> AsyncGenerator[dict[str, Any], None]:
    parser = SseParser()
    async for piece in response.content.iter_any():
        for data in parser.feed(piece):
            if data == b"[DONE]":
                return
            event = orjson.loads(data)
            if event.get("error"):
                raise decode_stream_error(event)
            yield event
    raise EngineFailed("The engine's answer ended too early.")


def _json(content: bytes) -> object:
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
