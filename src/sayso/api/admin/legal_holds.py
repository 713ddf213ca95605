"""/v1/organization/legal_holds: content that must not be destroyed; not an endpoint of OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.moments import optional_unix, unix
from sayso.api.deps import AccountsDep, AdminDep, RetentionDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.errors import ObjectNotFound
from sayso.ids import ProjectId
from sayso.jobs.data_decisions import hold, release
from sayso.retention.clock import wall_clock
from sayso.retention.legal_holds import LegalHold, list_holds
from sayso.retention.tables import REASON_LENGTH

legal_holds_router = APIRouter(prefix="/v1/organization/legal_holds")


class HoldBody(BaseModel):
    """What to hold, the organization where no project is named, and why."""

    reason: Annotated[str, Field(min_length=1, max_length=REASON_LENGTH)]
    project_id: str | None = None


@legal_holds_router.get("")
async def list_all(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the holds, released ones too."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        found = await list_holds(session, admin.org_id)
    return page_response(page_of(found, asked, lambda one: one.id), _shape)


@legal_holds_router.post("")
async def create(request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Place a hold."""
    body = await read_body(request, services, HoldBody)
    project_id = None if body.project_id is None else ProjectId(body.project_id)
    return json_response(_shape(await hold(accounts.db, admin, project_id, body.reason, wall_clock())))


@legal_holds_router.get("/{hold_id}")
async def retrieve(hold_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return a hold."""
    async with accounts.db.read() as session:
        found = await list_holds(session, admin.org_id)
    for one in found:
        if one.id == hold_id:
            return json_response(_shape(one))
    raise ObjectNotFound(f"There is no legal hold '{hold_id}'.", param="hold_id")


@legal_holds_router.post("/{hold_id}/release")
async def end(hold_id: str, admin: AdminDep, accounts: AccountsDep, retention: RetentionDep) -> Response:
    """Release a hold; what is due is destroyed."""
    ended = await release(accounts.db, admin, hold_id, wall_clock())
    retention.sweeper.wake()
    return json_response(_shape(ended))


def _shape(one: LegalHold) -> dict[str, object]:
    return {
        "id": one.id,
        "object": "legal_hold",
        "scope": {"type": one.scope_kind, "id": one.scope_id},
        "reason": one.reason,
        "created_by": one.created_by,
        "created_at": unix(one.created_at),
        "released_by": one.released_by,
        "released_at": optional_unix(one.released_at),
    }
