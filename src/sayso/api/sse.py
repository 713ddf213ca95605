"""Server-sent events: frames, and a response that ends its stream the moment the client goes away."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sayso.api.disconnect import unless_disconnected
from sayso.api.errors import to_wire
from sayso.errors import SaysoError

DONE = b"data: [DONE]\n\n"

_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",  # proxies that buffer would turn the stream into a whole answer
}


def frame(payload: bytes) -> bytes:
    """Return one event; `payload` is JSON on a single line."""
    return b"data: " + payload + b"\n\n"


def error_frame(error: SaysoError) -> bytes:
    """Return the event that tells of a failure after the status has left; the stream ends behind it."""
    return frame(to_wire(error).body)


class EventStream(Response):
    """Sends `frames`, which are made of `source`, as they come.

    Whatever ends it (the last frame, the client, a shutdown), both are closed before the call returns, so
    that all is settled by then. `source` is closed by itself because a generator that never started does
    not close what it would have read. A `SaysoError` becomes the last frame.
    """

    def __init__(self, frames: AsyncGenerator[bytes, None], source: AsyncGenerator[Any, None]) -> None:
        super().__init__(status_code=200, headers=_HEADERS)
        del self.headers["content-length"]
        self._frames = frames
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the whole stream."""
        async with aclosing(self._source), aclosing(self._frames):
            await unless_disconnected(receive, self._send_all(send))

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            async for chunk in self._frames:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        except SaysoError as error:
            await send({"type": "http.response.body", "body": error_frame(error), "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
