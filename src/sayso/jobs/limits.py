"""Change limits and budgets, and write down who did."""

from collections.abc import Mapping

from sayso.billing.budgets import BudgetInterval, BudgetStanding, budget, remove_budget, set_budget
from sayso.billing.ledger import wall_clock
from sayso.billing.money import NANO_PER_CENT
from sayso.billing.rate_limits import LimitKey, ModelLimits, set_limits
from sayso.billing.scopes import Scope
from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import ProjectId
from sayso.tenancy.audit import record

BUDGET_EVENT = "tenant.billing.overage_limit.updated"
LIMIT_EVENT = "rate_limit.updated"


def scope_project(scope: Scope) -> ProjectId | None:
    """Return the project of a scope, None for an organization."""
    match scope.kind:
        case "organization":
            return None
        case "project":
            return ProjectId(scope.id)
        case "key":
            return ProjectId(scope.project_id) if scope.project_id else None


async def change_limits(
    db: Database,
    by: AdminCaller,
    scope: Scope,
    model: str,
    changes: Mapping[LimitKey, int | None],
    *,
    asked: Mapping[str, object],
    limit_id: str,
) -> ModelLimits:
    """Set limits of a snapshot, or of all models together; None removes one.

    `asked` and `limit_id` are what the audit log says of it.
    """
    details: dict[str, object] = {"changes_requested": dict(asked), **_whose(scope)}
    async with db.transaction() as session:
        limits = await set_limits(session, scope, model, changes)
        await record(session, by, LIMIT_EVENT, limit_id, details, scope_project(scope))
    return limits


async def change_budget(
    db: Database, by: AdminCaller, scope: Scope, interval: BudgetInterval, cents: int
) -> BudgetStanding:
    """Set a budget and return how it stands."""
    details = {"threshold_amount": cents, "interval": interval, **_whose(scope)}
    async with db.transaction() as session:
        await set_budget(session, scope, interval, cents * NANO_PER_CENT)
        standing = await budget(session, scope, interval, wall_clock())
        await record(session, by, BUDGET_EVENT, scope.id, details, scope_project(scope))
    assert standing is not None, "it has just been set"
    return standing


async def drop_budget(db: Database, by: AdminCaller, scope: Scope, interval: BudgetInterval) -> bool:
    """Remove a budget; return whether there was one."""
    details = {"threshold_amount": None, "interval": interval, **_whose(scope)}
    async with db.transaction() as session:
        if not await remove_budget(session, scope, interval):
            return False
        await record(session, by, BUDGET_EVENT, scope.id, details, scope_project(scope))
    return True


def no_budget(scope: Scope, interval: str) -> ObjectNotFound:
    """Return the error for a budget that is not set."""
    return ObjectNotFound(f"No budget per {interval} is set for this {scope.kind}.", param="interval")


def _whose(scope: Scope) -> dict[str, object]:
    return {"api_key_id": scope.id} if scope.kind == "key" else {}
