"""What endpoints ask for in their signatures: the services, and the caller."""

from typing import Annotated

from fastapi import Depends, Request

from sayso.api.auth import presented_key
from sayso.api.console.door import admin_of, caller_in_project, came_through
from sayso.api.context import request_context
from sayso.api.services import Services
from sayso.billing.ledger import Ledger
from sayso.core.caller import AdminCaller, Caller
from sayso.dedicated.service import Instances
from sayso.errors import PermissionRefused
from sayso.retention.service import Retention
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.roles import may_administer

READING = frozenset({"GET", "HEAD"})


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


async def caller_of(request: Request, services: ServicesDep) -> Caller:
    """Verify the key, or the console's session, before a byte of the body is read."""
    context = request_context(request.scope)
    if came_through(request):
        caller, context.organization = await caller_in_project(request, services)
    else:
        caller = await services.authenticate(presented_key(request.headers))
    context.key_id = caller.key_id
    await services.check_account(
        caller, request.headers.get("openai-organization"), request.headers.get("openai-project")
    )
    context.organization = context.organization or await services.organization_slug(caller)
    if caller.read_only and request.method not in READING:
        raise PermissionRefused(
            "You have insufficient permissions for this operation. Missing scopes: model.request.",
            code="insufficient_permissions",
        )
    return caller


CallerDep = Annotated[Caller, Depends(caller_of)]


async def _admin(request: Request, services: ServicesDep) -> AdminCaller:
    """Verify the admin key or session before a byte of the body is read; a reader may only read."""
    context = request_context(request.scope)
    if came_through(request):
        admin, context.organization = await admin_of(request, services)
    else:
        admin = await services.authenticate_admin(presented_key(request.headers))
    context.key_id = admin.key_id
    await services.check_account(admin, request.headers.get("openai-organization"), None)
    context.organization = context.organization or await services.organization_slug(admin)
    check_role(admin, write=request.method not in READING)
    return admin


def check_role(admin: AdminCaller, *, write: bool) -> None:
    """Raise `PermissionRefused` for a change by a reader."""
    if not may_administer(admin.role, write=write):
        raise PermissionRefused(
            "You have insufficient permissions for this operation. Your role in the organization is reader.",
            code="insufficient_permissions",
        )


AdminDep = Annotated[AdminCaller, Depends(_admin)]


async def _accounts(services: ServicesDep) -> Accounts:
    assert services.accounts is not None, "no admin key can be good where there are no accounts"
    return services.accounts


AccountsDep = Annotated[Accounts, Depends(_accounts)]


async def _ledger(services: ServicesDep) -> Ledger:
    assert services.journal is not None, "no admin key can be good where there is no ledger"
    return services.journal


LedgerDep = Annotated[Ledger, Depends(_ledger)]


async def _retention(services: ServicesDep) -> Retention:
    assert services.retention is not None, "there are no accounts without it"
    return services.retention


RetentionDep = Annotated[Retention, Depends(_retention)]


async def _instances(services: ServicesDep) -> Instances:
    assert services.instances is not None, "there are no accounts without them"
    return services.instances


InstancesDep = Annotated[Instances, Depends(_instances)]
