"""What a server said when it last had no room."""

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager

from sayso.errors import EngineOverloaded


class LastRefusal:
    """Holds until a request of ours there ends, or until the moment to which the server put us off."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._message = ""
        self._until = 0.0

    def check(self) -> None:
        """Raise `EngineOverloaded` while it holds."""
        seconds = self._until - self._clock()
        if seconds > 0:
            raise EngineOverloaded(self._message, retry_after=seconds)

    @contextmanager
    def heeded(self) -> Generator[None]:
        """Take down whether the block's request, which the server has had a look at, is refused."""
        try:
            yield
        except EngineOverloaded as refusal:
            self._message, self._until = str(refusal), self._clock() + refusal.retry_after
            raise
        except BaseException:
            self._until = 0.0
            raise
        self._until = 0.0
