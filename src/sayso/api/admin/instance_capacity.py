"""GET /v1/organization/instance_capacity: what machines have and what is left; not OpenAI's."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.deps import AccountsDep, AdminDep
from sayso.dedicated.capacity import machines
from sayso.dedicated.shapes import capacity_shape

instance_capacity_router = APIRouter(prefix="/v1/organization/instance_capacity")


@instance_capacity_router.get("")
async def list_all(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return every machine, by name."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        found = await machines(session)
    return page_response(page_of(found, asked, lambda one: one.node), capacity_shape)
