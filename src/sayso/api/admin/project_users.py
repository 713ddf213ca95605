"""/v1/organization/projects/{project_id}/users: the members of a project."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api import field_errors as wrong
from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.ids import ProjectId, UserId
from sayso.tenancy.project_users import (
    ProjectUserRecord,
    add_project_user,
    get_project_user,
    list_project_users,
    remove_project_user,
    update_project_user,
)
from sayso.tenancy.roles import ProjectRole

KIND = "organization.project.user"

project_users_router = APIRouter(prefix="/v1/organization/projects/{project_id}/users")


class NewMemberBody(BaseModel):
    """A member of the organization, named by id or address."""

    role: ProjectRole
    user_id: str | None = None
    email: str | None = None


class MemberBody(BaseModel):
    """What is to change."""

    role: ProjectRole | None = None


@project_users_router.get("")
async def list_members(project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the project's members."""
    page = await list_project_users(
        accounts.db, admin.org_id, ProjectId(project_id), cut(request.query_params)
    )
    return page_response(page, _shape)


@project_users_router.post("")
async def add_member(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Take a member of the organization into a project."""
    body = await read_body(request, services, NewMemberBody)
    if (body.user_id is None) == (body.email is None):
        raise wrong.combination_error("user_id", "Exactly one of 'user_id' and 'email' names the user.")
    added = await add_project_user(
        accounts.db,
        admin,
        ProjectId(project_id),
        body.role,
        user_id=None if body.user_id is None else UserId(body.user_id),
        email=None if body.email is None else body.email.lower(),
    )
    return json_response(_shape(added))


@project_users_router.get("/{user_id}")
async def retrieve_member(project_id: str, user_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return one member."""
    found = await get_project_user(accounts.db, admin.org_id, ProjectId(project_id), UserId(user_id))
    return json_response(_shape(found))


@project_users_router.post("/{user_id}")
async def update_member(
    project_id: str,
    user_id: str,
    request: Request,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Give a member another role."""
    body = await read_body(request, services, MemberBody)
    changed = await update_project_user(accounts.db, admin, ProjectId(project_id), UserId(user_id), body.role)
    return json_response(_shape(changed))


@project_users_router.delete("/{user_id}")
async def remove_member(project_id: str, user_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Take a member out of a project."""
    await remove_project_user(accounts.db, admin, ProjectId(project_id), UserId(user_id))
    return deleted(KIND, user_id)


def _shape(user: ProjectUserRecord) -> dict[str, object]:
    return {
        "object": KIND,
        "id": user.id,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "added_at": seconds(user.added_at),
    }
