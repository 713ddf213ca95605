"""Keys that were good a moment ago, so that not every request costs a read."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from sayso.core.patience import has_waited, wait_patiently
from sayso.db.revisions import stands
from sayso.errors import StorageUnavailable

T = TypeVar("T")

CACHE_SECONDS = 0.5  # how long a pass is good where nothing tells whether it still is
CACHE_ENTRIES = 4096


@dataclass(frozen=True, slots=True)
class Pass(Generic[T]):
    """What a read found to be good; it is no more from `expires_at` on."""

    found: T
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class _Remembered(Generic[T]):
    known: Pass[T]
    begun: float
    seen: int | None


class PassCache(Generic[T]):
    """Remembers by digest what a read found; only what was good, so that a new key works at once.

    `seen` returns the number under which what is read may be remembered (`Revisions.seen`). While it can not
    be told, a pass is good for `CACHE_SECONDS`: either way for half a second at most after it has ended.
    Requests that come with the same key at the same moment share one read.
    """

    def __init__(self, clock: Callable[[], float], seen: Callable[[], int | None] = lambda: None) -> None:
        """`clock` is monotonic, in seconds."""
        self._clock = clock
        self._seen = seen
        self._passes: dict[bytes, _Remembered[T]] = {}
        self._reads: dict[bytes, asyncio.Task[Pass[T]]] = {}

    def __len__(self) -> int:
        return len(self._passes)

    async def get(self, digest: bytes, read: Callable[[], Coroutine[Any, Any, Pass[T]]]) -> T:
        """Return what is remembered under `digest`, or what `read` returns; raises what that raises.

        Raises `StorageUnavailable` where that takes long; the read itself goes on, for it may be stuck.
        """
        remembered = self._passes.get(digest)
        if remembered is not None and self._is_good(remembered):
            has_waited(0.0)
            return remembered.known.found
        # A client that leaves must not cancel the read of the others: waiting does not.
        reading = self._shared(digest, read)
        has_waited(await wait_patiently(reading))
        if not reading.done():
            raise StorageUnavailable
        return reading.result().found

    def _is_good(self, remembered: _Remembered[T]) -> bool:
        expires_at = remembered.known.expires_at
        if expires_at is not None and expires_at <= datetime.now(UTC):
            return False
        young = self._clock() < remembered.begun + CACHE_SECONDS
        return stands(remembered.seen, self._seen(), otherwise=young)

    def _shared(
        self, digest: bytes, read: Callable[[], Coroutine[Any, Any, Pass[T]]]
    ) -> "asyncio.Task[Pass[T]]":
        reading = self._reads.get(digest)
        if reading is None:
            begun, seen = self._clock(), self._seen()  # before it reads
            reading = asyncio.create_task(read())
            self._reads[digest] = reading
            reading.add_done_callback(lambda done: self._ended(digest, done, begun, seen))
        return reading

    def _ended(self, digest: bytes, done: "asyncio.Task[Pass[T]]", begun: float, seen: int | None) -> None:
        del self._reads[digest]
        self._passes.pop(digest, None)
        if done.cancelled() or done.exception() is not None:  # retrieved, should nobody wait any more
            return
        if len(self._passes) >= CACHE_ENTRIES:
            del self._passes[next(iter(self._passes))]  # the one that was read longest ago
        self._passes[digest] = _Remembered(done.result(), begun, seen)
