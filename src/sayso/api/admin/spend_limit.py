"""…/spend_limit: the hard monthly budget of the organization or of a project."""

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.scopes import OrganizationScope, ProjectScope, scope_project
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.ledger import wall_clock
from sayso.billing.money import NANO_PER_CENT
from sayso.billing.spend_limits import Scope, SpendLimit, remove_spend_limit, set_spend_limit, spend_limit
from sayso.core.caller import AdminCaller
from sayso.errors import ObjectNotFound
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.audit import record

MAX_CENTS = 100_000_000_000  # a billion dollars
AUDITED = "tenant.billing.overage_limit.updated"

Cents: TypeAlias = Annotated[int, Field(ge=1, le=MAX_CENTS)]

spend_limit_router = APIRouter(prefix="/v1/organization")


class SpendLimitBody(BaseModel):
    """The budget, in cents."""

    threshold_amount: Cents
    currency: Literal["USD"]
    interval: Literal["month"]


@spend_limit_router.get("/spend_limit")
async def retrieve(scope: OrganizationScope, accounts: AccountsDep) -> Response:
    """Return the organization's limit, and whether it refuses requests now."""
    return await _show(accounts, scope)


@spend_limit_router.post("/spend_limit")
async def update(
    request: Request, scope: OrganizationScope, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Set the organization's limit."""
    return await _set(accounts, admin, scope, await read_body(request, services, SpendLimitBody))


@spend_limit_router.delete("/spend_limit")
async def delete(scope: OrganizationScope, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Remove the organization's limit."""
    return await _remove(accounts, admin, scope)


@spend_limit_router.get("/projects/{project_id}/spend_limit")
async def retrieve_of_project(scope: ProjectScope, accounts: AccountsDep) -> Response:
    """Return a project's limit, and whether it refuses requests now."""
    return await _show(accounts, scope)


@spend_limit_router.post("/projects/{project_id}/spend_limit")
async def update_of_project(
    request: Request,
    scope: ProjectScope,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Set a project's limit."""
    return await _set(accounts, admin, scope, await read_body(request, services, SpendLimitBody))


@spend_limit_router.delete("/projects/{project_id}/spend_limit")
async def delete_of_project(scope: ProjectScope, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Remove a project's limit."""
    return await _remove(accounts, admin, scope)


async def _show(accounts: Accounts, scope: Scope) -> Response:
    async with accounts.db.read() as session:
        found = await spend_limit(session, scope, wall_clock())
    if found is None:
        raise _missing(scope)
    return _shape(scope, found)


async def _set(accounts: Accounts, admin: AdminCaller, scope: Scope, body: SpendLimitBody) -> Response:
    async with accounts.db.transaction() as session:
        await set_spend_limit(session, scope, body.threshold_amount * NANO_PER_CENT)
        found = await spend_limit(session, scope, wall_clock())
        await record(
            session,
            admin,
            AUDITED,
            scope.id,
            {"threshold_amount": body.threshold_amount},
            scope_project(scope),
        )
    assert found is not None, "it has just been set"
    return _shape(scope, found)


async def _remove(accounts: Accounts, admin: AdminCaller, scope: Scope) -> Response:
    async with accounts.db.transaction() as session:
        if not await remove_spend_limit(session, scope):
            raise _missing(scope)
        await record(session, admin, AUDITED, scope.id, {"threshold_amount": None}, scope_project(scope))
    return json_response({"object": f"{scope.kind}.spend_limit.deleted", "deleted": True})


def _missing(scope: Scope) -> ObjectNotFound:
    return ObjectNotFound(f"No spend limit is set for this {scope.kind}.")


def _shape(scope: Scope, limit: SpendLimit) -> Response:
    return json_response(
        {
            "object": f"{scope.kind}.spend_limit",
            "threshold_amount": limit.nano_usd // NANO_PER_CENT,
            "currency": "USD",
            "interval": "month",
            "enforcement": {"status": "enforcing" if limit.reached else "inactive"},
        }
    )
