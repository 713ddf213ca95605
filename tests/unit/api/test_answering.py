import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request

from sayso.api.openai.answering import answer_stream, answer_whole
from sayso.errors import EngineFailed


async def never() -> Any:
    await asyncio.Event().wait()


REQUEST = Request({"type": "http", "headers": []}, never)


class Source:
    """Yields numbers; knows whether it was begun and whether it was let go."""

    def __init__(self) -> None:
        self.begun = self.closed = False

    async def events(self) -> AsyncGenerator[int, None]:
        self.begun = True
        try:
            for number in range(100):
                yield number
        finally:
            self.closed = True


def encode(number: int) -> bytes:
    return b"%d" % number


@pytest.mark.parametrize("turns", range(8))
async def test_cancelled_at_any_moment_the_source_is_let_go(turns: int) -> None:
    source = Source()
    events = source.events()
    answering = asyncio.create_task(answer_stream(REQUEST, events, lambda: encode))
    for _ in range(turns):
        await asyncio.sleep(0)
    if answering.done():
        response: Any = answering.result()
        answering = asyncio.create_task(response({}, never, lambda message: never()))
        await asyncio.sleep(0)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert source.closed or not source.begun


async def test_an_engine_that_says_nothing_has_failed() -> None:
    async def nothing() -> AsyncGenerator[int, None]:
        for number in range(0):
            yield number

    with pytest.raises(EngineFailed):
        await answer_stream(REQUEST, nothing(), lambda: encode)


async def test_a_collector_that_fails_lets_the_source_go() -> None:
    source = Source()

    async def collect(events: AsyncIterator[int]) -> Any:
        async for _ in events:
            raise EngineFailed("no")

    with pytest.raises(EngineFailed):
        await answer_whole(REQUEST, source.events(), collect)
    assert source.closed
