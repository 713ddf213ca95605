"""How fast a core is just now.

A virtual machine's core is half of one whose other half another machine may use: the same work takes up to a
half longer then, for some seconds, without a trace in what the system counts. Beside each time that is
measured stands how long a loop takes that needs nothing but the core.
"""

import math
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from sayso.core.cores import stay_on
from sayso.dedicated.curve import quantile

T = TypeVar("T")
LOOPS: Final = 3
STEPS: Final = 20_000  # of each: 0.6 to 0.9 ms


@dataclass(frozen=True, slots=True)
class Paced(Generic[T]):
    """What was measured, and the seconds of the loop before and after it (their geometric mean)."""

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
    return Paced(value, math.sqrt(before * pace_of(core, back_on)))


def slowdown(name: str, idle: Sequence[Paced[float]], flooded: Sequence[Paced[float]]) -> float:
    """Return how much longer the 95th percentile of the flooded seconds is, all at the same pace of the core.

    What the pace makes of a time is fitted on the idle ones: a line through the logarithms of both. What is
    compared is printed in milliseconds, as measured and at the same pace.
    """
    slope = max(0.0, _slope(idle))
    usual = statistics.median(one.pace for one in idle)
    compared: dict[str, tuple[float, float]] = {}
    for what, some in (("idle", idle), ("flooded", flooded)):
        raw = [one.value for one in some]
        even = [one.value * (usual / one.pace) ** slope for one in some]
        compared[what] = quantile(raw, 0.95), quantile(even, 0.95)
        print(
            f"{name}, {what}: p50 {_ms(raw, 0.5)}, p95 {_ms(raw, 0.95)}; at the same pace {_ms(even, 0.5)}, "
            f"{_ms(even, 0.95)} of {len(some)}; loop {_ms([one.pace for one in some], 0.5)}"
        )
    raw_ratio, ratio = (compared["flooded"][at] / compared["idle"][at] for at in range(2))
    print(f"{name}, flooded to idle, p95: {raw_ratio:.3f}, at the same pace {ratio:.3f} (slope {slope:.2f})")
    return ratio


def _slope(some: Sequence[Paced[float]]) -> float:
    paces = [math.log(one.pace) for one in some]
    return statistics.linear_regression(paces, [math.log(one.value) for one in some]).slope


def _ms(seconds: Sequence[float], at: float) -> str:
    return f"{quantile(seconds, at) * 1e3:.2f}"


def _loop() -> float:
    begun = time.perf_counter()
    total = 0
    for step in range(STEPS):
        total += step
    return time.perf_counter() - begun
