"""…/budgets: hard budgets of the organization, a project or a key; not an endpoint of OpenAI's."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin.amounts import usd
from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_of, page_response
from sayso.api.admin.scopes import OBJECTS, PathScope, for_each_scope
from sayso.api.admin.spend_limit import Cents
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.budgets import INTERVALS, BudgetInterval, BudgetStanding, budgets
from sayso.billing.ledger import wall_clock
from sayso.billing.money import NANO_PER_CENT
from sayso.billing.scopes import Scope
from sayso.jobs.limits import change_budget, drop_budget, no_budget

_router = APIRouter()


class BudgetBody(BaseModel):
    """A budget, in cents, and the UTC day or month that it holds for."""

    threshold_amount: Cents
    currency: Literal["USD"]
    interval: BudgetInterval


@_router.get("/budgets")
async def list_budgets(request: Request, scope: PathScope, accounts: AccountsDep) -> Response:
    """Return the budgets that are set, with what is used of them."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        found = await budgets(session, scope, wall_clock())
    page = page_of(found, asked, lambda one: one.interval)
    return page_response(page, lambda one: _shape(scope, one))


@_router.post("/budgets")
async def set_budget(
    request: Request, scope: PathScope, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Set a budget, or change it."""
    body = await read_body(request, services, BudgetBody)
    standing = await change_budget(accounts.db, admin, scope, body.interval, body.threshold_amount)
    return json_response(_shape(scope, standing))


@_router.delete("/budgets/{interval}")
async def delete_budget(interval: str, scope: PathScope, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Remove a budget."""
    for known in INTERVALS:
        if known == interval and await drop_budget(accounts.db, admin, scope, known):
            return deleted(_kind(scope), interval)
    raise no_budget(scope, interval)


budgets_router = for_each_scope(_router, with_keys=True)


def _kind(scope: Scope) -> str:
    return f"{OBJECTS[scope.kind]}.budget"


def _shape(scope: Scope, standing: BudgetStanding) -> dict[str, object]:
    return {
        "id": standing.interval,
        "object": _kind(scope),
        "threshold_amount": standing.nano_usd // NANO_PER_CENT,
        "currency": "USD",
        "interval": standing.interval,
        "spent": usd(standing.posted),
        "held": usd(standing.held),
        "enforcement": {"status": "enforcing" if standing.reached else "inactive"},
    }
