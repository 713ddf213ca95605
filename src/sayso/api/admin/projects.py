"""/v1/organization/projects: the organization's projects."""

from typing import Any

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, optional_seconds, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.errors import UnsupportedParameter
from sayso.ids import ProjectId
from sayso.tenancy.projects import (
    ProjectRecord,
    archive_project,
    create_project,
    get_project,
    list_projects,
    update_project,
)

HERE = "GLOBAL"  # the one residency that there is: wherever this server stands

projects_router = APIRouter(prefix="/v1/organization/projects")


class _Placement(BaseModel):
    external_key_id: Any = None
    geography: Any = None
    residency: Any = None

    def check(self) -> None:
        """Raise `UnsupportedParameter` for a place that a project can not be given here."""
        for name in ("external_key_id", "geography", "residency"):
            if getattr(self, name) not in (None, HERE if name == "residency" else None):
                raise UnsupportedParameter(name, f"Unsupported parameter: '{name}' is not supported here.")


class NewProjectBody(_Placement):
    """A new project."""

    name: str


class ProjectBody(_Placement):
    """What is to change."""

    name: str | None = None


@projects_router.get("")
async def list_all(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the projects; with `include_archived` all of them."""
    archived = query.boolean(request.query_params, "include_archived") or False
    asked = cut(request.query_params)
    page = await list_projects(accounts.db, admin.org_id, asked, with_archived=archived)
    return page_response(page, _shape)


@projects_router.post("")
async def create(request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Make a project."""
    body = await read_body(request, services, NewProjectBody)
    body.check()
    return json_response(_shape(await create_project(accounts.db, admin, body.name)))


@projects_router.get("/{project_id}")
async def retrieve(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return one project."""
    return json_response(_shape(await get_project(accounts.db, admin.org_id, ProjectId(project_id))))


@projects_router.post("/{project_id}")
async def update(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Rename a project."""
    body = await read_body(request, services, ProjectBody)
    body.check()
    return json_response(_shape(await update_project(accounts.db, admin, ProjectId(project_id), body.name)))


@projects_router.post("/{project_id}/archive")
async def archive(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Archive a project: its keys stop working, for good."""
    return json_response(_shape(await archive_project(accounts.db, admin, ProjectId(project_id))))


def _shape(project: ProjectRecord) -> dict[str, object]:
    return {
        "id": project.id,
        "object": "organization.project",
        "name": project.name,
        "created_at": seconds(project.created_at),
        "archived_at": optional_seconds(project.archived_at),
        "status": "active" if project.archived_at is None else "archived",
        "external_key_id": None,
        "residency": HERE,
    }
