"""What only the operator's own organization may do: it concerns the money of every organization."""

from typing import Annotated

from fastapi import Depends

from sayso.api.deps import AdminDep, ServicesDep
from sayso.core.caller import AdminCaller
from sayso.errors import PermissionRefused
from sayso.tenancy.service import DEFAULT


async def _operator(admin: AdminDep, services: ServicesDep) -> AdminCaller:
    """Let an admin key of the first organization pass, no other."""
    if await services.organization_slug(admin) != DEFAULT:
        raise PermissionRefused(
            "You have insufficient permissions for this operation. It is the operator's alone.",
            code="insufficient_permissions",
        )
    return admin


OperatorDep = Annotated[AdminCaller, Depends(_operator)]
