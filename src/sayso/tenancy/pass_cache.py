"""Keys that were good a moment ago, so that not every request costs a read."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

from sayso.core.patience import has_waited, wait_patiently
from sayso.errors import StorageUnavailable

T = TypeVar("T")

CACHE_SECONDS = 0.5  # how long a revoked key may still pass
CACHE_ENTRIES = 4096


class PassCache(Generic[T]):
    """Remembers by digest what a read found; only what was good, so that a new key works at once.

    Requests that come with the same key at the same moment share one read.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        """`clock` is monotonic, in seconds."""
        self._clock = clock
        self._passes: dict[bytes, tuple[T, float]] = {}
        self._reads: dict[bytes, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        return len(self._passes)

    async def get(self, digest: bytes, read: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Return what is remembered under `digest`, or what `read` returns; raises what that raises.

        Raises `StorageUnavailable` where that takes long; the read itself goes on, for it may be stuck.
        """
        now = self._clock()
        known = self._passes.get(digest)
        if known is not None and known[1] > now:
            has_waited(0.0)
            return known[0]
        # A client that leaves must not cancel the read of the others: waiting does not.
        reading = self._shared(digest, read)
        has_waited(await wait_patiently(reading))
        if not reading.done():
            raise StorageUnavailable
        found = reading.result()
        self._remember(digest, found, now)
        return found

    def _shared(self, digest: bytes, read: Callable[[], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        reading = self._reads.get(digest)
        if reading is None:
            reading = asyncio.create_task(read())
            self._reads[digest] = reading
            reading.add_done_callback(lambda done: self._ended(digest, done))
        return reading

    def _ended(self, digest: bytes, done: asyncio.Task[T]) -> None:
        del self._reads[digest]
        if not done.cancelled():
            done.exception()  # retrieved, should nobody wait any more

    def _remember(self, digest: bytes, found: T, now: float) -> None:
        if len(self._passes) >= CACHE_ENTRIES:
            self._passes = {one: kept for one, kept in self._passes.items() if kept[1] > now}
        if len(self._passes) < CACHE_ENTRIES:
            self._passes[digest] = (found, now + CACHE_SECONDS)
