"""What endpoints ask for in their signatures: the services, and the caller."""

from typing import Annotated

from fastapi import Depends, Request

from sayso.api.auth import presented_key
from sayso.api.context import request_context
from sayso.api.services import Services
from sayso.core.caller import Caller


async def _services(request: Request) -> Services:
    services: Services = request.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]


async def _caller(request: Request, services: ServicesDep) -> Caller:
    """Verify the key before a byte of the body is read."""
    caller = await services.authenticate(presented_key(request.headers))
    context = request_context(request.scope)
    context.key_id = caller.key_id
    await services.check_account(
        caller, request.headers.get("openai-organization"), request.headers.get("openai-project")
    )
    context.organization = await services.organization_slug(caller)
    return caller


CallerDep = Annotated[Caller, Depends(_caller)]
