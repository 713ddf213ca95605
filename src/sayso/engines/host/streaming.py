"""An ASGI response that streams an engine's events and stops the engine when nobody listens."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Generic, TypeVar

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sayso.engines.host.line import Line
from sayso.engines.wire.errors import encode_error, encode_stream_error
from sayso.errors import SaysoError

ALIVE_SECONDS = 2.0
ALIVE = b": alive\n\n"

EventT = TypeVar("EventT")


class EventStream(Response, Generic[EventT]):
    """Sends every event as `encode` writes it.

    An error before the stream has begun becomes a plain answer with its status, one after that an `error`
    event that says the status. The stream begins with the first event, or when that is long in coming. A
    comment goes out every `ALIVE_SECONDS`, so that the other end can tell a long thought from a dead process.
    `line` is where the engine may send events besides; it ends with the stream.
    """

    def __init__(
        self,
        events: AsyncGenerator[EventT, None],
        encode: Callable[[EventT], bytes],
        line: Line | None = None,
    ) -> None:
        super().__init__()
        self._line = line
        self._events = events
        self._encode = encode

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        work = asyncio.ensure_future(self._serve(scope, receive, send))
        listening = asyncio.ensure_future(_disconnected(receive))
        try:
            await asyncio.wait((work, listening), return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._line is not None:
                self._line.close()
            listening.cancel()
            if not work.done():
                work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._events) as events:
            begun = False
            try:
                first = asyncio.ensure_future(anext(events))
                try:
                    await asyncio.wait({first}, timeout=ALIVE_SECONDS)
                    if not first.done():
                        begun = True
                        await _begin(send)
                        await _alive_until(first, send)
                    event = await first
                finally:
                    first.cancel()
                if not begun:
                    begun = True
                    await _begin(send)
                await _body(send, self._encode(event))
                await self._send_rest(events, send)
            except SaysoError as error:
                if not begun:
                    status, body, headers = encode_error(error)
                    answer = Response(orjson.dumps(body), status, headers, media_type="application/json")
                    await answer(scope, receive, send)
                    return
                await _body(send, b"data: " + orjson.dumps(encode_stream_error(error)) + b"\n\n")
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_rest(self, events: AsyncGenerator[EventT, None], send: Send) -> None:
        alive = asyncio.ensure_future(_keep_alive(send, self._line))
        try:
            async for event in events:
                await _body(send, self._encode(event))
        finally:
            alive.cancel()


async def _begin(send: Send) -> None:
    headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


async def _alive_until(first: "asyncio.Future[EventT]", send: Send) -> None:
    while not first.done():
        await _body(send, ALIVE)
        await asyncio.wait({first}, timeout=ALIVE_SECONDS)


async def _body(send: Send, content: bytes) -> None:
    await send({"type": "http.response.body", "body": content, "more_body": True})


async def _keep_alive(send: Send, line: Line | None) -> None:
    while True:
        await asyncio.sleep(ALIVE_SECONDS)
        if line is not None and not line.owe():
            continue
        await _body(send, ALIVE)
        if line is not None:
            line.passed_on()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
