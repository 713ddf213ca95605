"""What is still to be told of raised alerts: kept until it is told, tried again, by one process at a time."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias, cast

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.counters import MICROSECONDS
from sayso.billing.scopes import Scope, ScopeKind
from sayso.billing.tables import AlertDelivery, SpendAlert
from sayso.db.session import Database

Channel: TypeAlias = Literal["webhook", "mail"]

FIRST_WAIT_SECONDS = 60
LONGEST_WAIT_SECONDS = 3_600
MAX_ATTEMPTS = 30  # a day, about


@dataclass(frozen=True, slots=True)
class Delivery:
    """What one channel has to tell, in nano-dollars; `month_start` is Unix seconds, `attempt` 1 at first."""

    alert_id: str
    month_start: int
    channel: Channel
    scope: Scope
    nano_usd: int
    posted: int
    recipients: tuple[str, ...]
    subject_prefix: str | None
    attempt: int

    @property
    def last(self) -> bool:
        """Whether it is not tried again."""
        return self.attempt >= MAX_ATTEMPTS


def queue(
    session: AsyncSession,
    raised: Iterable[tuple[SpendAlert, int]],
    channels: Sequence[Channel],
    month_start: int,
    now: int,
) -> None:
    """Keep, in the caller's transaction, that each channel has to tell of alerts and what was posted then."""
    for alert, posted in raised:
        for channel in channels:
            session.add(
                AlertDelivery(
                    alert_id=alert.id,
                    month_start=month_start,
                    channel=channel,
                    scope_kind=alert.scope_kind,
                    scope_id=alert.scope_id,
                    nano_usd=alert.nano_usd,
                    posted=posted,
                    recipients=alert.recipients,
                    subject_prefix=alert.subject_prefix,
                    attempts=0,
                    next_at=now,
                )
            )


async def claim(db: Database, channels: Sequence[Channel], now: int) -> Delivery | None:
    """Take the next delivery that is due, None where there is none; it is due again after a while.

    `now` is in Unix microseconds.
    """
    due = select(AlertDelivery).where(AlertDelivery.next_at <= now, AlertDelivery.channel.in_(channels))
    due = due.order_by(AlertDelivery.next_at, AlertDelivery.alert_id, AlertDelivery.channel).limit(1)
    async with db.read() as session:
        if await session.scalar(due) is None:
            return None
    async with db.transaction() as session:
        row = await session.scalar(due)
        if row is None:
            return None
        row.attempts += 1
        row.next_at = now + wait_seconds(row.attempts) * MICROSECONDS
        return _delivery(row)


async def close(db: Database, delivery: Delivery) -> None:
    """Forget a delivery: it is told, or given up."""
    async with db.transaction() as session:
        await session.execute(
            delete(AlertDelivery).where(
                AlertDelivery.alert_id == delivery.alert_id,
                AlertDelivery.month_start == delivery.month_start,
                AlertDelivery.channel == delivery.channel,
            )
        )


def wait_seconds(attempts: int) -> int:
    """Return how long to wait after so many attempts: twice as long each time, an hour at most."""
    return min(FIRST_WAIT_SECONDS << min(attempts - 1, 10), LONGEST_WAIT_SECONDS)


def _delivery(row: AlertDelivery) -> Delivery:
    return Delivery(
        row.alert_id,
        row.month_start,
        cast("Channel", row.channel),
        Scope(cast("ScopeKind", row.scope_kind), row.scope_id),
        row.nano_usd,
        row.posted,
        tuple(json.loads(row.recipients)),
        row.subject_prefix,
        row.attempts,
    )
