"""The gate of an instance in an event loop: requests wait here, and leave nothing behind when they go."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager

from sayso.dedicated.forecast import Size
from sayso.dedicated.gate import Gate, Place
from sayso.dedicated.load import LoadSettings
from sayso.errors import EngineUnavailable


class Seat:
    """A request that is let through, to be told how far it is."""

    def __init__(self, entrance: "Entrance", place: Place) -> None:
        self._entrance = entrance
        self._place = place
        self.ended = False

    @property
    def size(self) -> Size:
        """What is known of its size."""
        return self._place.size

    def advance(self, done: int) -> None:
        """Tell that `done` units of the answer have been made."""
        self._entrance.advance(self._place, done)

    def correct(self, size: Size) -> None:
        """Tell the size, once it is known better."""
        self._entrance.correct(self._place, size)

    def end(self) -> None:
        """Tell that the work came to its own end."""
        self.ended = True


class Entrance:
    """Lets requests through a gate. `clock` and the loop's timers go by the same seconds."""

    def __init__(
        self, load: LoadSettings, *, room: int = 0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.gate = Gate(load, room)
        self._clock = clock
        self._futures: dict[Place, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def running(self) -> int:
        """How many requests are let through now."""
        return len(self.gate.running)

    @property
    def busy_seconds(self) -> float:
        """For how long requests were let through so far, all together."""
        return self.gate.busy(self._clock())

    @property
    def waiting(self) -> int:
        """How many wait now."""
        return len(self.gate.waiting)

    def crowded(self, seconds: float) -> bool:
        """Tell whether somebody waits, or came within the last `seconds` and was not let through at once."""
        return bool(self.gate.waiting) or self._clock() - self.gate.full_at < seconds

    @asynccontextmanager
    async def enter(self, size: Size) -> AsyncGenerator[Seat, None]:
        """Wait to be let through, and be so for the block.

        Raises `InstanceOverloaded` at once, or after the longest wait, `EngineUnavailable` once closed.
        """
        if self._closed:
            raise _closed()
        place = self.gate.arrive(size, self._clock())
        seat = Seat(self, place)
        try:
            if place.state == "waiting":
                await self._wait(place)
            yield seat
        finally:
            self._wake(self.gate.leave(place, self._clock(), ended=seat.ended))

    def advance(self, place: Place, done: int) -> None:
        """Take note of a request's progress."""
        self.gate.advance(place, done, self._clock())

    def correct(self, place: Place, size: Size) -> None:
        """Take a better estimate of a request's size."""
        self._wake(self.gate.correct(place, size, self._clock()))

    def change(self, load: LoadSettings, *, room: int | None = None) -> None:
        """Go by `load` from now on, and by another room where one is given."""
        if room is not None:
            self.gate.room = room
        self._wake(self.gate.change(load, self._clock()))
        self._set_timer()

    def close(self) -> None:
        """Let nobody through any more; whoever waits hears so."""
        self._closed = True
        for place in self.gate.close():
            self._resolve(place, _closed())
        self._set_timer()

    async def _wait(self, place: Place) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._futures[place] = future
        self._set_timer()
        try:
            await future
        finally:
            del self._futures[place]
            self._set_timer()

    def _wake(self, admitted: Iterable[Place]) -> None:
        for place in admitted:
            self._resolve(place, None)

    def _resolve(self, place: Place, error: Exception | None) -> None:
        future = self._futures.get(place)
        if future is None or future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self.gate.next_deadline()
        if deadline is not None:
            delay = max(0.0, deadline - self._clock())
            self._timer = asyncio.get_running_loop().call_later(delay, self._expire)

    def _expire(self) -> None:
        now = self._clock()
        for place in self.gate.expire(now):
            self._resolve(place, self.gate.refusal(place, now))
        self._set_timer()


def _closed() -> EngineUnavailable:
    return EngineUnavailable("The instance is stopping; please retry shortly.")
