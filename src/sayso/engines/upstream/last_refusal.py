"""What a server said when it last had no room."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sayso.errors import EngineOverloaded

HOLDS_SECONDS = 1.0  # at most: then one request more finds out


class LastRefusal:
    """Holds until a request of ours there ends, or the moment comes to which the server put us off."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._message = ""
        self._room_at = 0.0
        self._until = 0.0

    def check(self) -> None:
        """Raise `EngineOverloaded` while it holds."""
        now = self._clock()
        if now < self._until:
            raise EngineOverloaded(self._message, retry_after=self._room_at - now)

    @contextmanager
    def heeded(self) -> Generator[None]:
        """Take down whether the block's request, which the server has had a look at, is refused."""
        until = 0.0
        try:
            yield
        except EngineOverloaded as refusal:
            now = self._clock()
            self._message, self._room_at = str(refusal), now + refusal.retry_after
            until = min(self._room_at, now + HOLDS_SECONDS)
            raise
        finally:
            self._until = until
