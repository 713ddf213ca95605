"""Moments of the data promise, and a guard against clocks that jump."""

import time

DAY = 86_400_000_000  # microseconds
JUMP_SECONDS = 300.0  # the wall clock may stray this far from the steady one between two looks
BACKWARD_SECONDS = 3_600.0  # the longest wait after a step back


def wall_clock() -> int:
    """Return the moment in Unix microseconds."""
    return time.time_ns() // 1000


def steady_clock() -> float:
    """Return seconds that nobody sets, and that go on while the machine sleeps where it can tell."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return time.monotonic() if boot is None else time.clock_gettime(boot)


def day_of(moment: int) -> str:
    """Return the UTC day of a moment in Unix microseconds, as `2026-11-22`."""
    return time.strftime("%Y-%m-%d", time.gmtime(moment // 1_000_000))


class ClockGuard:
    """Tells whether the wall clock can be trusted with something that can not be undone.

    A clock that has jumped is trusted again once it is back, or has kept its new time for as long as the jump
    was, so that one that leapt ahead destroys nothing before its time; after a step back, for an hour.
    """

    def __init__(self) -> None:
        self._trusted: float | None = None
        self._other = 0.0
        self._since: float | None = None

    def steady(self, wall: int, monotonic: float) -> bool:
        """Return whether `wall` (Unix microseconds) may be acted upon; `monotonic` is in seconds."""
        offset = wall / 1_000_000 - monotonic
        if self._trusted is not None and abs(offset - self._trusted) > JUMP_SECONDS:
            if self._since is None or abs(offset - self._other) > JUMP_SECONDS:
                self._other, self._since = offset, monotonic
            jump = offset - self._trusted
            if monotonic - self._since < (jump if jump > 0 else min(-jump, BACKWARD_SECONDS)):
                return False
        self._trusted, self._since = offset, None
        return True
