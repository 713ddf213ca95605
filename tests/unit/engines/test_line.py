"""A line is clear only while the event loop has nothing to send."""

import asyncio
import socket
from collections.abc import Iterator
from typing import cast

import pytest

from sayso.core.chat import ChatEvent, ChoiceFinished, Finished, TextDelta
from sayso.core.usage import TokenUsage
from sayso.engines.host.line import FLUSH_SECONDS, Line
from sayso.errors import EngineError

DELTA = TextDelta(0, "a")


class Transport:
    """Has a socket, and bytes that it has not sent."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end
        self.unsent = 0
        self.written: list[bytes] = []

    def get_extra_info(self, name: str) -> socket.socket:
        return self.end

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def write(self, data: bytes) -> None:
        self.written.append(data)


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        theirs.setblocking(False)
        yield ours, theirs


def encode(event: ChatEvent) -> bytes:
    return b"hello"


def line_of(transport: Transport) -> Line:
    return Line(cast("asyncio.Transport", transport), encode)


async def test_it_begins_once_the_loop_has_sent_what_came_before(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    transport = Transport(ends[0])
    line = line_of(transport)
    assert not line.take([DELTA])
    assert not line.take([DELTA])
    transport.unsent = 10
    line.passed_on()
    await asyncio.sleep(0)
    assert not line.take([DELTA])
    for _ in range(3):
        line.passed_on()
    await asyncio.sleep(0)
    assert not line.take([DELTA])
    line.passed_on()
    transport.unsent = 0
    await asyncio.sleep(3 * FLUSH_SECONDS)
    assert line.take([DELTA, ChoiceFinished(0, "stop")])
    assert ends[1].recv(100) == b"a\r\nhellohello\r\n"
    line.close()
    assert not line.take([DELTA])


@pytest.mark.parametrize("last", [Finished(TokenUsage(1, 1)), EngineError("It broke.")])
async def test_the_last_batch_and_what_comes_after_the_loops_own_are_the_loops(
    ends: tuple[socket.socket, socket.socket], last: Finished | EngineError
) -> None:
    line = line_of(Transport(ends[0]))
    line.passed_on()
    await asyncio.sleep(0)
    assert line.take([DELTA])
    line.owe()
    assert not line.take([DELTA])
    for _ in range(2):
        line.passed_on()
    await asyncio.sleep(0)
    assert line.take([DELTA])
    assert not line.take([DELTA, last])
    line.close()


async def test_nothing_comes_between_a_chunk_and_its_rest(ends: tuple[socket.socket, socket.socket]) -> None:
    transport = Transport(ends[0])
    line = line_of(transport)
    line.passed_on()
    await asyncio.sleep(0)
    ends[0].setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    while line.take([DELTA] * 1000):
        pass
    assert not line.take([DELTA])
    assert not line.owe()
    await asyncio.sleep(0)  # the loop is given the rest
    assert b"".join(transport.written).endswith(b"hello\r\n")
    assert line.owe()
    line.close()
