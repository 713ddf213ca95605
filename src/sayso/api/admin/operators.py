"""What only the operator's own organization may do: it concerns the money of every organization."""

from typing import Annotated

from fastapi import Depends, Request

from sayso.api.context import request_context
from sayso.api.deps import AdminDep
from sayso.core.caller import AdminCaller
from sayso.errors import PermissionRefused
from sayso.tenancy.service import DEFAULT


async def _operator(request: Request, admin: AdminDep) -> AdminCaller:
    """Let administrators of the first organization pass, no others."""
    if request_context(request.scope).organization != DEFAULT:
        raise PermissionRefused(
            "You have insufficient permissions for this operation. It is the operator's alone.",
            code="insufficient_permissions",
        )
    return admin


OperatorDep = Annotated[AdminCaller, Depends(_operator)]
