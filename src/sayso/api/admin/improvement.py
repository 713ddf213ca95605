"""/v1/organization/improvement: whether content may be used to improve the service; not OpenAI's."""

from fastapi import APIRouter, Request
from pydantic import BaseModel, StrictBool
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.moments import optional_unix
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.jobs.data_decisions import consent
from sayso.retention.clock import wall_clock
from sayso.retention.consent import Consent, get_consent

improvement_router = APIRouter(prefix="/v1/organization/improvement")


class ImprovementBody(BaseModel):
    """What the organization says."""

    opted_in: StrictBool


@improvement_router.get("")
async def retrieve(admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return what the organization has said last: no, unless it has said yes."""
    async with accounts.db.read() as session:
        return _shape(await get_consent(session, admin.org_id))


@improvement_router.post("")
async def update(request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Opt in or out."""
    body = await read_body(request, services, ImprovementBody)
    return _shape(await consent(accounts.db, admin, body.opted_in, wall_clock()))


def _shape(said: Consent) -> Response:
    return json_response(
        {
            "object": "organization.improvement",
            "opted_in": said.opted_in,
            "since": optional_unix(said.since),
            "by": said.actor,
        }
    )
