"""/v1/organization/users: the members of the organization."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.core.caller import OrgRole
from sayso.errors import UnsupportedParameter
from sayso.ids import UserId
from sayso.tenancy.users import UserRecord, delete_user, get_user, list_users, update_user

KIND = "organization.user"

users_router = APIRouter(prefix="/v1/organization/users")


class UserBody(BaseModel):
    """What is to change; personas are taken and forgotten."""

    role: OrgRole | None = None
    role_id: str | None = None
    developer_persona: str | None = None
    technical_level: str | None = None


@users_router.get("")
async def list_members(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the members; with `emails` only those."""
    emails = query.text_list(request.query_params, "emails") or ()
    page = await list_users(accounts.db, admin.org_id, cut(request.query_params), emails)
    return page_response(page, _shape)


@users_router.get("/{user_id}")
async def retrieve_member(user_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return one member."""
    return json_response(_shape(await get_user(accounts.db, admin.org_id, UserId(user_id))))


@users_router.post("/{user_id}")
async def update_member(
    user_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Give a member another role."""
    body = await read_body(request, services, UserBody)
    if body.role_id is not None:
        raise UnsupportedParameter("role_id", "Unsupported parameter: 'role_id'. Use 'role'.")
    return json_response(_shape(await update_user(accounts.db, admin, UserId(user_id), body.role)))


@users_router.delete("/{user_id}")
async def delete_member(user_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Take a member out of the organization, with all keys."""
    await delete_user(accounts.db, admin, UserId(user_id))
    return deleted(KIND, user_id)


def _shape(user: UserRecord) -> dict[str, object]:
    return {
        "object": KIND,
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "added_at": seconds(user.added_at),
        "created": seconds(user.created_at),
    }
