"""A bounded queue in front of an engine: so many run, so many wait, the next is refused at once."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager

from sayso.errors import EngineOverloaded


class Slots:
    """At most `running` holders and `waiting` waiters, first come, first served."""

    def __init__(self, running: int, waiting: int) -> None:
        self._free = running
        self._depth = waiting
        self._queue: deque[asyncio.Future[None]] = deque()
        self.running = 0

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self._queue)

    def ticket(self) -> "asyncio.Future[None]":
        """Return a place in the queue, done once it is a slot. Raises `EngineOverloaded` for a full queue."""
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._free > 0:
            self._free -= 1
            place.set_result(None)
        elif len(self._queue) < self._depth:
            self._queue.append(place)
        else:
            raise EngineOverloaded("The engine's queue is full; please retry shortly.")
        return place

    @contextmanager
    def keep(self, place: "asyncio.Future[None]") -> Generator[None]:
        """Give the place up if the block, which comes before `hold`, does not end by itself."""
        try:
            yield
        except BaseException:
            self._leave(place)
            raise

    @asynccontextmanager
    async def hold(self, place: "asyncio.Future[None]") -> AsyncGenerator[None, None]:
        """Wait for the slot, hold it for the block, pass it on."""
        try:
            await place
        except asyncio.CancelledError:
            self._leave(place)
            raise
        self.running += 1
        try:
            yield
        finally:
            self.running -= 1
            self._release()

    def _leave(self, place: "asyncio.Future[None]") -> None:
        if place in self._queue:
            self._queue.remove(place)
        elif place.done() and not place.cancelled():
            self._release()

    def _release(self) -> None:
        while self._queue:
            place = self._queue.popleft()
            if not place.done():
                place.set_result(None)
                return
        self._free += 1
