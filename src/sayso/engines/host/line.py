"""A stream's socket for the thread that makes the events: past the event loop while that has nothing to send.

A step of the model holds the interpreter's lock. What the loop has to send waits for the step's end, and the
next step waits for the loop then: four tenths of a millisecond for each token, while every core stands still.
"""

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Sequence

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from sayso.core.chat import ChatEvent, Finished
from sayso.errors import EngineError

_TRANSPORT = "sayso.transport"
FLUSH_SECONDS = 0.002  # between two looks whether the transport has sent what it was given


class HostProtocol(HttpToolsProtocol):
    """uvicorn's, which tells the application the transport besides."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope[_TRANSPORT] = self.transport  # type: ignore[literal-required]


class Line:
    """Sends one stream's events as chunks of its HTTP/1.1 answer.

    It is clear while the loop has sent all that it was given; anything else the loop has to send. One thread
    calls `take`, the loop's thread everything else.
    """

    def __init__(self, transport: asyncio.Transport, encode: Callable[[ChatEvent], bytes]) -> None:
        self._transport = transport
        self._encode = encode
        self._loop = asyncio.get_running_loop()
        self._lock = threading.Lock()
        found: socket.socket = transport.get_extra_info("socket")
        self._socket = os.dup(found.fileno())  # the number stays this connection's
        self._clear = False
        self._owed = 1  # batches that the loop has to send; the first is the stream's beginning
        self._parted = False  # a chunk has begun whose rest the loop has not been given yet
        self._closed = False

    @classmethod
    def of(cls, scope: Scope, encode: Callable[[ChatEvent], bytes]) -> "Line | None":
        """Return the line of a request; None where the server does not tell its transport."""
        transport = scope.get(_TRANSPORT)
        return None if transport is None else cls(transport, encode)

    def take(self, events: Sequence[ChatEvent | EngineError]) -> bool:
        """Send a batch now, if nothing is before it and it is not the last; else the loop has to."""
        told = [event for event in events if not isinstance(event, Finished | EngineError)]
        with self._lock:
            if not self._clear or len(told) < len(events):
                self._clear = False
                self._owed += 1
                return False
            frames = b"".join(self._encode(event) for event in told)
            self._send(b"%x\r\n%b\r\n" % (len(frames), frames))
        return True

    def owe(self) -> bool:
        """Let the loop send something of its own; False while that would fall into the middle of a chunk."""
        with self._lock:
            if self._parted:
                return False
            self._clear = False
            self._owed += 1
        return True

    def passed_on(self) -> None:
        """Take note that the loop has given a batch to the transport."""
        with self._lock:
            self._owed -= 1
            if self._owed:
                return
        self._loop.call_soon(self._open)

    def close(self) -> None:
        """End it: the answer has ended."""
        with self._lock:
            if not self._closed:
                self._closed, self._clear = True, False
                os.close(self._socket)

    def _send(self, chunk: bytes) -> None:
        try:
            sent = os.write(self._socket, chunk)
        except BlockingIOError:
            sent = 0
        except OSError:  # nobody reads any more, which the loop hears by itself
            return
        if sent < len(chunk):
            self._clear, self._parted = False, True
            self._loop.call_soon_threadsafe(self._send_rest, chunk[sent:])

    def _send_rest(self, rest: bytes) -> None:
        with self._lock:
            self._parted = False
        if not self._closed:
            self._transport.write(rest)
            self._open()

    def _open(self) -> None:
        """Clear the line once the transport has sent what it was given."""
        with self._lock:
            if self._closed or self._owed or self._clear:
                return
            if not self._transport.get_write_buffer_size():
                self._clear = True
                return
        self._loop.call_later(FLUSH_SECONDS, self._open)
