"""An ASGI response that streams an engine's events and stops the engine when nobody listens."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sayso.engines.wire.errors import encode_error
from sayso.errors import EngineError, SaysoError

ALIVE_SECONDS = 2.0
ALIVE = b": alive\n\n"

EventT = TypeVar("EventT")


class EventStream(Response, Generic[EventT]):
    """Sends every event as `encode` writes it.

    An error before the first event becomes a plain answer with its status, one after it an `error` event. A
    comment goes out every `ALIVE_SECONDS`, so that the other end can tell a long thought from a dead process.
    """

    def __init__(self, events: AsyncGenerator[EventT, None], encode: Callable[[EventT], bytes]) -> None:
        super().__init__()
        self._events = events
        self._encode = encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        work = asyncio.ensure_future(self._serve(scope, receive, send))
        listening = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((work, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            listening.cancel()
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events) as events:
            try:
                first = await anext(events)
            except SaysoError as error:
                status, body, headers = encode_error(error)
                refusal = Response(orjson.dumps(body), status, headers, media_type="application/json")
                await refusal(scope, receive, send)
                return
            headers_raw = [(b"content-type", b"text/event-stream; charset=utf-8")]
            await send({"type": "http.response.start", "status": 200, "headers": headers_raw})
            await _body(send, self._encode(first))
            alive = asyncio.ensure_future(_keep_alive(send))
            try:
                async for event in events:
                    await _body(send, self._encode(event))
            except EngineError as error:
                await _body(send, b"data: " + orjson.dumps(encode_error(error)[1]) + b"\n\n")
            finally:
                alive.cancel()
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _body(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


async def _keep_alive(send: Send) -> None:
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        await _body(send, ALIVE)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
