"""From an event stream to an HTTP answer, whole or streamed: one path for every endpoint that generates.

A stream's first event is read in one task and the rest in another, so that a client that leaves can be
noticed throughout: an engine must not hold a scope that belongs to a task (a timeout, say) across a yield.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

import orjson
from starlette.requests import Request
from starlette.responses import Response

from sayso.api.disconnect import unless_disconnected
from sayso.api.sse import EventStream
from sayso.errors import EngineFailed

E = TypeVar("E")


async def answer_whole(
    request: Request,
    events: AsyncGenerator[E, None],
    collect: Callable[[AsyncIterator[E]], Awaitable[Response]],
) -> Response:
    """Return what `collect` makes of `events`; a client that leaves ends them at once."""

    async def work() -> Response:
        async with aclosing(events):
            return await collect(events)

    return await unless_disconnected(request.receive, work())


async def answer_stream(
    request: Request,
    events: AsyncGenerator[E, None],
    encoder: Callable[[], Callable[[E], bytes]],
) -> Response:
    """Await the first event, so that a refusal is a real status, then return the stream of frames.

    `encoder` is asked then for what gives an event's frames, empty where it has none.
    """

    async def begin() -> E:
        try:
            return await anext(events)
        except StopAsyncIteration:
            raise EngineFailed("The model gave no answer.") from None

    try:
        first = await unless_disconnected(request.receive, begin())
    except BaseException:
        await events.aclose()
        raise
    return EventStream(_frames(encoder(), first, events), events)


async def _frames(
    encode: Callable[[E], bytes], first: E, events: AsyncIterator[E]
) -> AsyncGenerator[bytes, None]:
    if frames := encode(first):
        yield frames
    async for event in events:
        if frames := encode(event):
            yield frames


def json_response(values: object) -> Response:
    """Return a JSON answer with status 200."""
    return Response(orjson.dumps(values), media_type="application/json")
