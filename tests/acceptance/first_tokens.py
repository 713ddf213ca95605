"""A client that takes next to no time of its own: when a streamed answer's tokens arrive.

Ask for one answer after the other. Of two at once the engine reads the prompts together or one after the
other, by chance: that is twice the time to the first token, whoever else is there.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from sayso.core.cores import stay_on, usable_cores
from sayso.dedicated.curve import Answer

_DELTA = b'"delta":{"content":"'


@contextmanager
def ahead_of_others() -> Iterator[tuple[int, ...]]:
    """Have this process's moments come when they are due, as a machine of its own would.

    It stands on the shared pool's core, which is what the block is given, in front of everything else where
    the system allows it.
    """
    place = usable_cores()[:1]
    stay_on(place)
    with contextlib.suppress(PermissionError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    try:
        yield place
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        stay_on(usable_cores())


def prompt(number: int) -> str:
    """Return a prompt that shares no beginning with that of another number."""
    return f"{number} Write a very long story about a lighthouse, and begin with number {number}."


async def time_answer(url: str, key: str, number: int, tokens: int) -> Answer:
    """Ask once, for a prompt that nobody has begun to read before, without a library between.

    Raises `AssertionError` for a refusal.
    """
    address = urlsplit(url)
    body = json.dumps(
        {
            "model": "gpt-3.5-turbo",
            "messages": [{"role": "user", "content": prompt(number)}],
            "max_tokens": tokens,
            "temperature": 0.0,
            "stream": True,
        }
    ).encode()
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    begun = time.perf_counter()
    writer.write(
        f"POST {address.path}/chat/completions HTTP/1.1\r\nhost: {address.netloc}\r\n"
        f"authorization: Bearer {key}\r\ncontent-type: application/json\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n".encode()
        + body
    )
    first = last = 0.0
    written, head = 0, b""
    while piece := await reader.read(65_536):
        now = time.perf_counter()
        head = head or piece
        if deltas := piece.count(_DELTA):
            first, last, written = first or now, now, written + deltas
    writer.close()
    await writer.wait_closed()
    assert head.startswith(b"HTTP/1.1 200"), head
    assert written, head
    return Answer(first - begun, last - first, written)
