"""Hard budgets of organizations, projects and keys, for a UTC day and a UTC month."""

from dataclasses import dataclass
from typing import Literal, TypeAlias, get_args

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.counters import period_start
from sayso.billing.scopes import Scope
from sayso.billing.tables import Budget, Counter

BudgetInterval: TypeAlias = Literal["day", "month"]

INTERVALS: tuple[BudgetInterval, ...] = get_args(BudgetInterval)


@dataclass(frozen=True, slots=True)
class BudgetStanding:
    """At most `nano_usd` in an interval, and what of it is `posted` and `held` now, in nano-dollars."""

    interval: BudgetInterval
    nano_usd: int
    posted: int
    held: int

    @property
    def reached(self) -> bool:
        """Whether charges and open holds fill it."""
        return self.posted + self.held >= self.nano_usd


async def budget(
    session: AsyncSession, scope: Scope, interval: BudgetInterval, now: int
) -> BudgetStanding | None:
    """Return a budget, None where there is none. `now` is in Unix microseconds."""
    found = await session.get(Budget, (scope.id, scope.kind, interval))
    if found is None:
        return None
    counted = await session.execute(
        select(Counter.posted, Counter.held).where(
            Counter.period_start == period_start(interval, now),
            Counter.scope_id == scope.id,
            Counter.scope_kind == scope.kind,
            Counter.model == "",
            Counter.period == interval,
        )
    )
    posted, held = counted.one_or_none() or (0, 0)
    return BudgetStanding(interval, found.nano_usd, posted, held)


async def budgets(session: AsyncSession, scope: Scope, now: int) -> list[BudgetStanding]:
    """Return the budgets that are set, the day's first."""
    standings = [await budget(session, scope, interval, now) for interval in INTERVALS]
    return [one for one in standings if one is not None]


async def set_budget(session: AsyncSession, scope: Scope, interval: BudgetInterval, nano_usd: int) -> None:
    """Set or change a budget; it holds from the next request on."""
    await session.merge(Budget(scope_id=scope.id, scope_kind=scope.kind, period=interval, nano_usd=nano_usd))
    await session.flush()


async def remove_budget(session: AsyncSession, scope: Scope, interval: BudgetInterval) -> bool:
    """Remove a budget; return whether there was one."""
    gone = await session.execute(
        delete(Budget)
        .where(Budget.scope_id == scope.id, Budget.scope_kind == scope.kind, Budget.period == interval)
        .returning(Budget.scope_id)
    )
    return gone.first() is not None
