"""Alerts on a month's charges: kept, listed, and raised once a month when the charges reach them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import Select, and_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.alert_deliveries import Channel, queue
from sayso.billing.counters import period_start
from sayso.billing.scopes import Scope, ScopeKind
from sayso.billing.tables import Counter, SpendAlert
from sayso.db.session import Database
from sayso.ids import new_id

MONTH: Literal["month"] = "month"


@dataclass(frozen=True, slots=True)
class AlertTerms:
    """When whom to tell. `nano_usd` is what the month's charges reach."""

    nano_usd: int
    recipients: tuple[str, ...]
    subject_prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert of an organization or a project."""

    id: str
    terms: AlertTerms


@dataclass(frozen=True, slots=True)
class RaisedAlert:
    """An alert that the charges have reached now for the first time in this month."""

    id: str
    scope: Scope
    nano_usd: int
    posted: int


async def list_alerts(session: AsyncSession, scope: Scope) -> list[Alert]:
    """Return the alerts of `scope`, the oldest first."""
    rows = await session.scalars(_of(scope).order_by(SpendAlert.created_at, SpendAlert.id))
    return [_alert(row) for row in rows]


async def find_alert(session: AsyncSession, scope: Scope, alert_id: str) -> Alert | None:
    """Return one alert of `scope`."""
    row = await session.scalar(_of(scope).where(SpendAlert.id == alert_id))
    return None if row is None else _alert(row)


async def add_alert(session: AsyncSession, scope: Scope, terms: AlertTerms, now: int) -> Alert:
    """Keep a new alert. `now` is in Unix microseconds."""
    row = SpendAlert(
        id=new_id("alert"), scope_kind=scope.kind, scope_id=scope.id, created_at=now, raised_month=0
    )
    _write(row, terms)
    session.add(row)
    await session.flush()
    return _alert(row)


async def change_alert(session: AsyncSession, scope: Scope, alert_id: str, terms: AlertTerms) -> Alert | None:
    """Replace an alert's terms, None where there is no such alert; another amount may be raised again."""
    row = await session.scalar(_of(scope).where(SpendAlert.id == alert_id))
    if row is None:
        return None
    if row.nano_usd != terms.nano_usd:
        row.raised_month = 0
    _write(row, terms)
    await session.flush()
    return _alert(row)


async def remove_alert(session: AsyncSession, scope: Scope, alert_id: str) -> bool:
    """Remove an alert; return whether there was one."""
    row = await session.scalar(_of(scope).where(SpendAlert.id == alert_id))
    if row is not None:
        await session.delete(row)
    return row is not None


async def raise_alerts(db: Database, now: int, channels: Sequence[Channel] = ()) -> Sequence[RaisedAlert]:
    """Mark the alerts that the charges of this month have reached, and return those that were not yet.

    Of several processes that ask at once, one gets each alert. What `channels` have to tell of it is kept in
    the same transaction.
    """
    month = period_start(MONTH, now)
    reached = select(SpendAlert, Counter.posted).join(
        Counter,
        and_(
            Counter.period_start == month,
            Counter.scope_id == SpendAlert.scope_id,
            Counter.scope_kind == SpendAlert.scope_kind,
            Counter.model == "",
            Counter.period == MONTH,
        ),
    )
    reached = reached.where(SpendAlert.raised_month < month, Counter.posted >= SpendAlert.nano_usd)
    async with db.read() as session:
        if (await session.execute(reached.limit(1))).first() is None:
            return ()
    async with db.transaction() as session:
        rows = [(row, posted) for row, posted in await session.execute(reached)]
        ids = [row.id for row, _ in rows]
        await session.execute(update(SpendAlert).where(SpendAlert.id.in_(ids)).values(raised_month=month))
        queue(session, rows, channels, month, now)
        return [
            RaisedAlert(row.id, Scope(cast("ScopeKind", row.scope_kind), row.scope_id), row.nano_usd, posted)
            for row, posted in rows
        ]


def _of(scope: Scope) -> Select[SpendAlert]:
    return select(SpendAlert).where(SpendAlert.scope_id == scope.id, SpendAlert.scope_kind == scope.kind)


def _write(row: SpendAlert, terms: AlertTerms) -> None:
    row.nano_usd = terms.nano_usd
    row.recipients = json.dumps(terms.recipients)
    row.subject_prefix = terms.subject_prefix


def _alert(row: SpendAlert) -> Alert:
    return Alert(row.id, AlertTerms(row.nano_usd, tuple(json.loads(row.recipients)), row.subject_prefix))
