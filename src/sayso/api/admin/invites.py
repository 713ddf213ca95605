"""/v1/organization/invites: who has been asked to join."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, optional_seconds, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.core.caller import OrgRole
from sayso.ids import InviteId, ProjectId
from sayso.tenancy.invites import InviteRecord, create_invite, delete_invite, get_invite, list_invites
from sayso.tenancy.roles import ProjectRole

KIND = "organization.invite"
MAX_PROJECTS = 100

invites_router = APIRouter(prefix="/v1/organization/invites")


class GrantBody(BaseModel):
    """A project that comes with an invitation."""

    id: str
    role: ProjectRole


class InviteBody(BaseModel):
    """A new invitation."""

    email: str
    role: OrgRole
    projects: Annotated[list[GrantBody], Field(max_length=MAX_PROJECTS)] | None = None


@invites_router.get("")
async def list_all(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the organization's invitations."""
    return page_response(await list_invites(accounts.db, admin.org_id, cut(request.query_params)), _shape)


@invites_router.post("")
async def create(request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Invite somebody; no mail is sent."""
    body = await read_body(request, services, InviteBody)
    granted = None if body.projects is None else {ProjectId(one.id): one.role for one in body.projects}
    return json_response(_shape(await create_invite(accounts.db, admin, body.email, body.role, granted)))


@invites_router.get("/{invite_id}")
async def retrieve(invite_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return one invitation."""
    return json_response(_shape(await get_invite(accounts.db, admin.org_id, InviteId(invite_id))))


@invites_router.delete("/{invite_id}")
async def delete(invite_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Take an invitation back."""
    await delete_invite(accounts.db, admin, InviteId(invite_id))
    return deleted(KIND, invite_id)


def _shape(invite: InviteRecord) -> dict[str, object]:
    return {
        "object": KIND,
        "id": invite.id,
        "email": invite.email,
        "role": invite.role,
        "status": invite.status(datetime.now(UTC)),
        "created_at": seconds(invite.created_at),
        "expires_at": seconds(invite.expires_at),
        "accepted_at": optional_seconds(invite.accepted_at),
        "projects": [{"id": project_id, "role": role} for project_id, role in invite.projects.items()],
    }
