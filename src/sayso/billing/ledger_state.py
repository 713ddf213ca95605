"""What the ledger's writer knows of its tables, from batch to batch, as long as nobody else writes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import BindParameter, Connection, bindparam, select

from sayso.billing import upserts
from sayso.billing.counters import CounterSheet
from sayso.billing.holds import HoldState
from sayso.billing.journal import JournalEnd
from sayso.billing.limits import BudgetRule, RateLimitRule
from sayso.billing.tables import Budget, RateLimit

COUNTERS_KEPT = 50_000  # about 20 MB
SCOPES_KEPT = 20_000


@dataclass(slots=True)
class LedgerState:
    """Open holds, counters, limits and the ledger's end, as far as they have been read or written."""

    holds: dict[str, HoldState] = field(default_factory=dict)
    counters: CounterSheet = field(default_factory=CounterSheet)
    journal: JournalEnd = field(default_factory=JournalEnd)
    rate_limits: dict[str, list[RateLimitRule]] = field(default_factory=dict)
    budgets: dict[str, list[BudgetRule]] = field(default_factory=dict)

    @property
    def grown(self) -> bool:
        """Whether it is time to forget and read again what is needed."""
        return len(self.counters) > COUNTERS_KEPT or len(self.budgets) > SCOPES_KEPT

    def load_rules(self, connection: Connection, scope_ids: Iterable[str]) -> None:
        """Read the limits and budgets of those scopes that are not known yet."""
        missing = set(scope_ids) - self.budgets.keys()
        if not missing:
            return
        for one in missing:
            self.rate_limits[one], self.budgets[one] = [], []
        scopes = {"scopes": list(missing)}
        for row in connection.execute(_RATE_LIMITS, scopes):
            self.rate_limits[row.scope_id].append(RateLimitRule(*row))
        for row in connection.execute(_BUDGETS, scopes):
            self.budgets[row.scope_id].append(BudgetRule(*row))


_LIMIT_TABLE, _BUDGET_TABLE = upserts.table_of(RateLimit), upserts.table_of(Budget)
_SCOPES: BindParameter[Sequence[str]] = bindparam("scopes", expanding=True)
_RATE_LIMITS = select(*_LIMIT_TABLE.columns).where(_LIMIT_TABLE.c.scope_id.in_(_SCOPES))
_BUDGETS = select(*_BUDGET_TABLE.columns).where(_BUDGET_TABLE.c.scope_id.in_(_SCOPES))
