"""…/spend_limit: the hard monthly budget of the organization or of a project."""

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.scopes import PathScope, for_each_scope
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.budgets import BudgetStanding, budget
from sayso.billing.ledger import wall_clock
from sayso.billing.money import NANO_PER_CENT
from sayso.billing.scopes import Scope
from sayso.errors import ObjectNotFound
from sayso.jobs.limits import change_budget, drop_budget

MAX_CENTS = 100_000_000_000  # a billion dollars

Cents: TypeAlias = Annotated[int, Field(ge=1, le=MAX_CENTS)]

_router = APIRouter()


class SpendLimitBody(BaseModel):
    """The budget, in cents."""

    threshold_amount: Cents
    currency: Literal["USD"]
    interval: Literal["month"]


@_router.get("/spend_limit")
async def retrieve(scope: PathScope, accounts: AccountsDep) -> Response:
    """Return the limit, and whether it refuses requests now."""
    async with accounts.db.read() as session:
        found = await budget(session, scope, "month", wall_clock())
    if found is None:
        raise _missing(scope)
    return _shape(scope, found)


@_router.post("/spend_limit")
async def update(
    request: Request, scope: PathScope, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Set the limit."""
    body = await read_body(request, services, SpendLimitBody)
    return _shape(scope, await change_budget(accounts.db, admin, scope, "month", body.threshold_amount))


@_router.delete("/spend_limit")
async def delete(scope: PathScope, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Remove the limit."""
    if not await drop_budget(accounts.db, admin, scope, "month"):
        raise _missing(scope)
    return json_response({"object": f"{scope.kind}.spend_limit.deleted", "deleted": True})


spend_limit_router = for_each_scope(_router)


def _missing(scope: Scope) -> ObjectNotFound:
    return ObjectNotFound(f"No spend limit is set for this {scope.kind}.")


def _shape(scope: Scope, limit: BudgetStanding) -> Response:
    return json_response(
        {
            "object": f"{scope.kind}.spend_limit",
            "threshold_amount": limit.nano_usd // NANO_PER_CENT,
            "currency": "USD",
            "interval": "month",
            "enforcement": {"status": "enforcing" if limit.reached else "inactive"},
        }
    )
