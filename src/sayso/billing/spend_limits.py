"""Hard monthly budgets of organizations and projects, as the spend limit endpoints show them."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.counters import period_start
from sayso.billing.tables import Budget, Counter

ScopeKind: TypeAlias = Literal["organization", "project"]

MONTH: Literal["month"] = "month"


@dataclass(frozen=True, slots=True)
class Scope:
    """Whose money: an organization's or a project's."""

    kind: ScopeKind
    id: str


@dataclass(frozen=True, slots=True)
class SpendLimit:
    """At most this many nano-dollars in a UTC month; `reached` where open holds and charges fill it."""

    nano_usd: int
    reached: bool


async def spend_limit(session: AsyncSession, scope: Scope, now: int) -> SpendLimit | None:
    """Return the limit, None where there is none. `now` is in Unix microseconds."""
    budget = await session.get(Budget, (scope.id, scope.kind, MONTH))
    if budget is None:
        return None
    spent = await _spent(session, scope, now)
    return SpendLimit(budget.nano_usd, spent >= budget.nano_usd)


async def set_spend_limit(session: AsyncSession, scope: Scope, nano_usd: int) -> None:
    """Set or change the limit; it holds from the next request on."""
    await session.merge(Budget(scope_id=scope.id, scope_kind=scope.kind, period=MONTH, nano_usd=nano_usd))
    await session.flush()


async def remove_spend_limit(session: AsyncSession, scope: Scope) -> bool:
    """Remove the limit; return whether there was one."""
    gone = await session.execute(
        delete(Budget)
        .where(Budget.scope_id == scope.id, Budget.scope_kind == scope.kind, Budget.period == MONTH)
        .returning(Budget.scope_id)
    )
    return gone.first() is not None


async def _spent(session: AsyncSession, scope: Scope, now: int) -> int:
    """Return what is posted and held in the month of `now`, in nano-dollars."""
    found = await session.scalar(
        select(Counter.posted + Counter.held).where(
            Counter.period_start == period_start(MONTH, now),
            Counter.scope_id == scope.id,
            Counter.scope_kind == scope.kind,
            Counter.model == "",
            Counter.period == MONTH,
        )
    )
    return int(found or 0)
