"""GET /v1/organization/instance_break_even: whether an instance would be cheaper; not OpenAI's."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.deps import AdminDep, InstancesDep
from sayso.api.openai.answering import json_response
from sayso.dedicated.configuration import Share
from sayso.dedicated.shapes import advice_shape
from sayso.dedicated.wishes import MAX_CORES
from sayso.ids import ProjectId

DEFAULT_MODEL = "gpt-3.5-turbo"

instance_break_even_router = APIRouter(prefix="/v1/organization/instance_break_even")


@instance_break_even_router.get("")
async def compare(request: Request, admin: AdminDep, instances: InstancesDep) -> Response:
    """Compare an instance with paying for tokens, for the traffic of the last 30 days."""
    params = request.query_params
    project = params.get("project_id")
    cores = query.integer(params, "cores", minimum=1, maximum=MAX_CORES) or 1
    found = await instances.advise(
        admin.org_id,
        params.get("model") or DEFAULT_MODEL,
        Share(cores, 0),
        ProjectId(project) if project else None,
    )
    return json_response(advice_shape(found))
