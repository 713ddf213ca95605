"""From an instance's history to what is posted: time, once it is certain, and credits where it fell short."""

import asyncio
from datetime import UTC, datetime

from sqlalchemy import func, select

from sayso.billing.credits import grant_entries
from sayso.billing.instance_time import InstanceTime
from sayso.billing.invoices import Month
from sayso.billing.ledger import Ledger
from sayso.billing.pricing import HOUR_SECONDS
from sayso.billing.tables import InstanceTimeRow
from sayso.db.session import Database
from sayso.dedicated import store
from sayso.dedicated.clock import Clock
from sayso.dedicated.instance import Instance
from sayso.dedicated.plan import Reserved
from sayso.dedicated.segments import Segment, segments
from sayso.dedicated.sla import Availability, availability, credit
from sayso.dedicated.store import Kept
from sayso.dedicated.tables import InstanceCreditRow
from sayso.ids import InstanceId

_MICRO = 1_000_000
SETTLED_SECONDS = 5  # after so long, nothing is written any more that happened before


class Charges:
    """Posts what instances cost; asked again, it posts only what is new."""

    def __init__(self, db: Database, ledger: Ledger, clock: Clock) -> None:
        self._db = db
        self._ledger = ledger
        self._clock = clock
        self._looked: dict[InstanceId, tuple[tuple[int, int, bool], bool]] = {}
        self._paid: dict[InstanceId, int] = {}  # what was written here; `kept` may be older
        self._credited: set[tuple[InstanceId, Month]] = set()

    async def post_time(self, kept: Kept) -> bool:
        """Charge what is certain by now; return whether all is charged that ever will be without more events.

        Raises `StorageUnavailable`.
        """
        instance, known = kept.instance, known_until(kept, self._clock)
        paid = max(kept.paid_until, self._paid.get(instance.id, 0))
        # Nothing becomes certain but by an event, the end of an hour, or the second after an event.
        at = (len(kept.events), known // HOUR_SECONDS, known * _MICRO > kept.events[-1].wall)
        looked = self._looked.get(instance.id)
        if looked is not None and looked[0] == at:
            return looked[1]
        found = segments(kept.events, known)
        due = [one for one in found if one.final and one.start >= paid]
        # All at once, so that many hours are one write.
        await asyncio.gather(*(self._ledger.post_time(_time(instance, one)) for one in due))
        if due:
            paid = due[-1].end
            async with self._db.transaction() as session:
                await store.paid(session, instance.organization_id, instance.id, paid)
            self._paid[instance.id] = paid
        all_charged = all(segment.final for segment in found) and not _goes_on(instance, self._clock)
        self._looked[instance.id] = (at, all_charged)
        return all_charged

    async def credit_month(self, kept: Kept, month: Month, until: int) -> int:
        """Give back what a month, or its part before the Unix second `until`, was less than promised.

        Returns the nano-dollars, which are given once. Raises `StorageUnavailable`.
        """
        instance, end = kept.instance, min(month.end, until)
        if (instance.id, month) in self._credited:
            return 0
        async with self._db.read() as session:
            if await session.get(InstanceCreditRow, (instance.id, month.start)) is not None:
                self._credited.add((instance.id, month))
                return 0
            cost = select(func.sum(InstanceTimeRow.nano_usd)).where(
                InstanceTimeRow.organization_id == instance.organization_id,
                InstanceTimeRow.instance_id == instance.id,
                InstanceTimeRow.started_at >= month.start,
                InstanceTimeRow.started_at < end,
            )
            charged = int(await session.scalar(cost) or 0)
        found = availability(kept.events, month.start, end)
        amount = credit(charged, found)
        number = await self._grant(instance, month, amount) if amount else 0
        async with self._db.transaction() as session:
            row = _credit_row(instance, month, end, found, charged, amount, number)
            await session.merge(row)
        return amount

    async def _grant(self, instance: Instance, month: Month, amount: int) -> int:
        org_id = instance.organization_id
        reference = f"availability of {instance.id} in {month}"
        return await self._ledger.post("credit", org_id, reference, grant_entries(org_id, amount), once=True)


def known_until(kept: Kept, clock: Clock) -> int:
    """Return the second up to which an instance's history is known to be whole."""
    if isinstance(kept.instance.plan, Reserved):
        return clock.second - SETTLED_SECONDS
    return max(kept.seen_at, kept.events[-1].wall) // _MICRO


def month_of(second: int) -> Month:
    """Return the month of a Unix second."""
    return Month.of(datetime.fromtimestamp(second, UTC))


def _goes_on(instance: Instance, clock: Clock) -> bool:
    """Tell whether time passes that will have to be paid for, whatever happens to the instance."""
    term = instance.plan
    ever_ready = instance.standing.ever_ready
    return isinstance(term, Reserved) and ever_ready and clock.second < term.end + SETTLED_SECONDS


def _time(instance: Instance, segment: Segment) -> InstanceTime:
    return InstanceTime(
        instance.id,
        segment.start,
        segment.end,
        instance.organization_id,
        instance.project_id,
        instance.name,
        segment.config_version,
        segment.price_version,
        segment.nano_usd_per_hour,
        segment.nano_usd,
    )


def _credit_row(
    instance: Instance,
    month: Month,
    end: int,
    found: Availability,
    charged: int,
    amount: int,
    number: int,
) -> InstanceCreditRow:
    return InstanceCreditRow(
        instance_id=instance.id,
        period_start=month.start,
        period_end=end,
        organization_id=instance.organization_id,
        ready_seconds=found.ready_seconds,
        due_seconds=found.due_seconds,
        charged=charged,
        nano_usd=amount,
        transaction_id=number,
    )
