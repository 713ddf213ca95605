"""/v1/organization/erasures: content that is to be gone now; not an endpoint of OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.moments import optional_unix, unix
from sayso.api.deps import AccountsDep, AdminDep, RetentionDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.db.base import ID_LENGTH
from sayso.errors import InvalidRequest
from sayso.jobs.data_decisions import erase, find_erasure
from sayso.retention.clock import wall_clock
from sayso.retention.erasure import Erasure, ErasureScope, list_erasures

END_USER_LENGTH = 4096  # characters

erasures_router = APIRouter(prefix="/v1/organization/erasures")


class ErasureBody(BaseModel):
    """Whose content: `id` is a record's, a user's or service account's, or a project's.

    For `end_user` it is what requests named as `safety_identifier`, or else as `user`.
    """

    scope: ErasureScope
    id: Annotated[str, Field(min_length=1, max_length=END_USER_LENGTH)] | None = None


@erasures_router.get("")
async def list_all(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the requests to erase, the oldest first."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        found = await list_erasures(session, admin.org_id)
    return page_response(page_of(found, asked, lambda one: one.id), _shape)


@erasures_router.post("")
async def create(
    request: Request,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
    retention: RetentionDep,
) -> Response:
    """Hide content at once, and have it destroyed."""
    body = await read_body(request, services, ErasureBody)
    if (body.id is None) != (body.scope == "organization"):
        raise InvalidRequest("An id belongs to every scope but 'organization'.", param="id")
    scope_id = body.id or admin.org_id
    if body.scope == "end_user":
        scope_id = retention.keys.tag(admin.org_id, scope_id)
    elif len(scope_id) > ID_LENGTH:
        raise InvalidRequest(f"An id has at most {ID_LENGTH} characters.", param="id")
    asked = await erase(accounts.db, admin, body.scope, scope_id, wall_clock())
    retention.sweeper.wake()
    return json_response(_shape(asked))


@erasures_router.get("/{erasure_id}")
async def retrieve(erasure_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return a request, as far as it has come."""
    return json_response(_shape(await find_erasure(accounts.db, admin.org_id, erasure_id)))


def _shape(one: Erasure) -> dict[str, object]:
    return {
        "id": one.id,
        "object": "erasure",
        "scope": {"type": one.scope_kind, "id": one.scope_id},
        "requested_by": one.actor,
        "requested_at": unix(one.requested_at),
        "applied_at": optional_unix(one.applied_at),
        "records": one.records,
    }
