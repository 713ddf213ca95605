"""How fast a core is just now, and a comparison of what was measured while it was as fast as it can be.

A virtual machine's core is half of one whose other half another machine may use: the same work takes up to a
half longer then, for some seconds, without a trace in what the system counts. Before and after each time that
is measured stands how long a loop takes that needs nothing but the core.
"""

import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from sayso.core.cores import stay_on
from sayso.dedicated.curve import quantile

T = TypeVar("T")
LOOPS: Final = 3
STEPS: Final = 20_000  # of each: half a millisecond
SHARED: Final = 1.15  # so much longer a loop takes on a core that another machine uses too, at the least
WANTED: Final = 100  # of each that is compared
WITHIN_SECONDS: Final = 600.0


@dataclass(frozen=True, slots=True)
class Paced(Generic[T]):
    """What was measured, and the seconds of the loop before or after it, whichever are more."""

    value: T
    pace: float


def pace_of(core: int, back_on: Sequence[int]) -> float:
    """Return the seconds of the loop on `core`; the calling thread stays on `back_on` afterwards."""
    stay_on([core])
    try:
        return statistics.median(_loop() for _ in range(LOOPS))
    finally:
        stay_on(back_on)


async def paced(core: int, back_on: Sequence[int], measure: Callable[[], Awaitable[T]]) -> Paced[T]:
    """Measure with the pace of a core before and after."""
    before = pace_of(core, back_on)
    value = await measure()
    return Paced(value, max(before, pace_of(core, back_on)))


@dataclass(frozen=True, slots=True)
class Compared(Generic[T]):
    """What was measured in turns by one process: with nothing else happening, and beside a flood."""

    name: str
    idle: list[Paced[T]] = field(default_factory=list)
    flooded: list[Paced[T]] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many more are wanted while the core is whole, of the one of which there are fewer."""
        return max(0, WANTED - min(len(some) for some in self._undisturbed()))

    def slowdown(self, what: str, seconds: Callable[[T], float]) -> float:
        """Return how much longer the 95th percentile is beside the flood, while the core was whole.

        Both percentiles are printed in milliseconds, of all and of those. Raises `AssertionError` where there
        are too few.
        """
        idle, flooded = self._undisturbed()
        whole = _Percentiles([seconds(one) for one in idle], [seconds(one) for one in flooded])
        every = _Percentiles(
            [seconds(one.value) for one in self.idle], [seconds(one.value) for one in self.flooded]
        )
        assert not self.missing, f"another machine used the core too often: {every}"
        print(f"{self.name}, {what}: {whole}; with the disturbed ones {every}")
        return whole.ratio

    def _undisturbed(self) -> tuple[list[T], list[T]]:
        paces = [one.pace for one in (*self.idle, *self.flooded)]
        most = SHARED * quantile(paces, 0.1) if paces else 0.0
        idle, flooded = (
            [one.value for one in some if one.pace <= most] for some in (self.idle, self.flooded)
        )
        return idle, flooded


@dataclass(frozen=True, slots=True)
class _Percentiles:
    idle: Sequence[float]
    flooded: Sequence[float]

    @property
    def ratio(self) -> float:
        return quantile(self.flooded, 0.95) / quantile(self.idle, 0.95)

    def __str__(self) -> str:
        (idle, idle_p95), (flooded, flooded_p95) = (
            [quantile(some, at) * 1e3 for at in (0.5, 0.95)] for some in (self.idle, self.flooded)
        )
        return (
            f"p50 {idle:.1f} {flooded:.1f}, p95 {idle_p95:.1f} {flooded_p95:.1f} of {len(self.idle)} and "
            f"{len(self.flooded)}: {self.ratio:.3f}"
        )


def _loop() -> float:
    begun = time.perf_counter()
    total = 0
    for step in range(STEPS):
        total += step
    return time.perf_counter() - begun
