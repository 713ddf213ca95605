"""The two clocks that events are stamped with."""

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Clock:
    """`wall` in Unix microseconds, `monotonic` in nanoseconds of a clock that nobody sets."""

    wall: Callable[[], int] = lambda: time.time_ns() // 1_000
    monotonic: Callable[[], int] = time.monotonic_ns

    @property
    def second(self) -> int:
        """The Unix second."""
        return self.wall() // 1_000_000


SYSTEM_CLOCK = Clock()
