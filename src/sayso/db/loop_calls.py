"""What a connection's or a writer's thread tells an event loop, which may have ended meanwhile."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVarTuple

ArgumentsT = TypeVarTuple("ArgumentsT")


def call_in_loop(
    loop: asyncio.AbstractEventLoop,
    function: Callable[[*ArgumentsT], object],
    *arguments: *ArgumentsT,
) -> None:
    """Have `loop` call `function` soon; one that is closed has nobody who waits for it."""
    with suppress(RuntimeError):  # closed; to ask first would leave a moment in which it closes
        loop.call_soon_threadsafe(function, *arguments)
