"""How often an address may fail to sign in."""

import time
from collections import deque
from collections.abc import Callable

ATTEMPTS = 10
WITHIN = 300.0  # seconds
ADDRESSES = 10_000


class Attempts:
    """Counts failures by address; in the memory of this process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._failed: dict[str, deque[float]] = {}

    def wait(self, address: str) -> float:
        """Return for how many seconds the address is not listened to; 0 where it is."""
        failed = self._failed.get(address)
        if failed is None or len(failed) < ATTEMPTS:
            return 0.0
        return max(0.0, failed[0] + WITHIN - self._clock())

    def failed(self, address: str) -> None:
        """Remember a failure."""
        if len(self._failed) >= ADDRESSES:
            since = self._clock() - WITHIN
            self._failed = {one: times for one, times in self._failed.items() if times[-1] > since}
        if len(self._failed) < ADDRESSES:
            self._failed.setdefault(address, deque(maxlen=ATTEMPTS)).append(self._clock())
