"""POST /console/keys: a key of one's own for a project, which the administration API does not make."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import ExpirySeconds, read_body
from sayso.api.admin.listing import optional_seconds, seconds
from sayso.api.console.door import signed_in
from sayso.api.deps import ServicesDep, check_role
from sayso.api.openai.answering import json_response
from sayso.ids import ProjectId
from sayso.tenancy.api_keys import create_key

console_keys_router = APIRouter(include_in_schema=False)


class NewKeyBody(BaseModel):
    """A key; without scopes it may do everything."""

    project_id: str
    name: str
    scopes: Annotated[list[str], Field(max_length=10)] | None = None
    expires_in_seconds: ExpirySeconds | None = None


@console_keys_router.post("/console/keys")
async def create(request: Request, services: ServicesDep) -> Response:
    """Make a key, and show it this once."""
    who = await signed_in(request, services)
    check_role(who.admin, write=True)
    body = await read_body(request, services, NewKeyBody)
    assert services.accounts is not None, "sessions are of accounts"
    made = await create_key(
        services.accounts.db,
        services.accounts.pepper,
        who.admin,
        ProjectId(body.project_id),
        body.name,
        scopes=body.scopes or (),
        expires_in=body.expires_in_seconds,
    )
    return json_response(
        {
            "object": "organization.project.api_key",
            "id": made.id,
            "name": made.name,
            "value": made.secret,
            "created_at": seconds(made.created_at),
            "expires_at": optional_seconds(made.expires_at),
        }
    )
