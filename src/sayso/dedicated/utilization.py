"""How busy instances were, by the minute: what the heartbeat adds up, and what is left of it for two days.

A row is a minute of an instance, whatever happens in it. Servers add to it, so that the sum is right however
many write. `busy` is the time of all requests that were let through, `open` the time for as many as its gate
lets through; utilization is one by the other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.upserts import upserting
from sayso.dedicated.tables import UtilizationRow
from sayso.ids import InstanceId

MINUTE = 60  # seconds
KEPT_SECONDS = 48 * 3_600
_MICRO = 1_000_000
_LONGEST_SECONDS = 60  # between two looks; after a longer one, nobody knows what was in between
_ADD = upserting(UtilizationRow, "add")


@dataclass(frozen=True, slots=True)
class Use:
    """A minute, or some, by the Unix second that they begin with; milliseconds as the module says."""

    minute: int
    busy_ms: int
    open_ms: int

    @property
    def share(self) -> float:
        """The part of what the gate lets through, 0 to 1."""
        return min(1.0, self.busy_ms / self.open_ms) if self.open_ms else 0.0


class UseMeter:
    """Makes uses of what a host's gate has counted since it was made, from one look to the next."""

    def __init__(self) -> None:
        self._last: dict[InstanceId, tuple[int, float]] = {}

    def look(self, gates: Mapping[InstanceId, tuple[float, int]], now: int) -> list[tuple[InstanceId, Use]]:
        """Take each gate's busy seconds and width; return what is new at `now` (microseconds)."""
        found = []
        for one, (busy, width) in gates.items():
            at, before = self._last.get(one, (now, busy))
            elapsed = now - at
            if 0 < elapsed <= _LONGEST_SECONDS * _MICRO:
                more = busy - before if busy >= before else busy  # another gate counts from 0
                minute = at // _MICRO // MINUTE * MINUTE
                found.append((one, Use(minute, round(more * 1_000), width * elapsed // 1_000)))
        self._last = {one: (now, busy) for one, (busy, _) in gates.items()}
        return found


async def add_uses(session: AsyncSession, uses: Iterable[tuple[InstanceId, Use]]) -> None:
    """Add to the minutes that are there."""
    rows = [(one, use.minute, use.busy_ms, use.open_ms) for one, use in uses]
    await session.run_sync(lambda plain: _ADD.run(plain.connection(), rows))


async def forget_uses(session: AsyncSession, now: int) -> None:
    """Remove what is older than is kept; `now` in microseconds."""
    oldest = now // _MICRO - KEPT_SECONDS
    await session.execute(delete(UtilizationRow).where(UtilizationRow.minute < oldest))


async def uses(session: AsyncSession, instance_id: InstanceId, since: int) -> tuple[Use, ...]:
    """Return an instance's minutes from the Unix second `since` on, in order."""
    row = UtilizationRow
    asked = select(row.minute, row.busy_ms, row.open_ms).where(
        row.instance_id == instance_id, row.minute >= since
    )
    found = await session.execute(asked.order_by(row.minute))
    return tuple(Use(int(minute), int(busy), int(opened)) for minute, busy, opened in found)


def bucketed(found: Iterable[Use], seconds: int) -> tuple[Use, ...]:
    """Return the sums of so many seconds each."""
    sums: dict[int, tuple[int, int]] = {}
    for use in found:
        start = use.minute // seconds * seconds
        busy, opened = sums.get(start, (0, 0))
        sums[start] = (busy + use.busy_ms, opened + use.open_ms)
    return tuple(Use(start, busy, opened) for start, (busy, opened) in sorted(sums.items()))


def summed(day: Sequence[Use], now: int) -> dict[str, float]:
    """Return the shares of the last hour and of all of `day`, and of its busiest minute; `now` in seconds.

    Nothing where nobody looked.
    """
    if not day:
        return {}
    hour = [use for use in day if use.minute > now - 3_600]
    found = {"last_hour": _together(hour), "last_day": _together(day)}
    return {**found, "busiest_minute": round(max(use.share for use in day), 4)}


def _together(found: Sequence[Use]) -> float:
    opened = sum(use.open_ms for use in found)
    return round(Use(0, sum(use.busy_ms for use in found), opened).share, 4)
