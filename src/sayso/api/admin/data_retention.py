"""Data retention settings of the organization and of its projects."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.ids import ProjectId
from sayso.tenancy.data_retention import (
    OrgRetention,
    ProjectRetention,
    get_org_retention,
    get_project_retention,
    set_org_retention,
    set_project_retention,
)

ORGANIZATION = "/v1/organization/data_retention"
PROJECT = "/v1/organization/projects/{project_id}/data_retention"

data_retention_router = APIRouter()


class OrgRetentionBody(BaseModel):
    """The organization's setting."""

    retention_type: OrgRetention


class ProjectRetentionBody(BaseModel):
    """A project's setting."""

    retention_type: ProjectRetention


@data_retention_router.get(ORGANIZATION)
async def retrieve_organization(admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the organization's setting."""
    return _shape("organization", await get_org_retention(accounts.db, admin.org_id))


@data_retention_router.post(ORGANIZATION)
async def update_organization(
    request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Change the organization's setting."""
    body = await read_body(request, services, OrgRetentionBody)
    await set_org_retention(accounts.db, admin, body.retention_type)
    return _shape("organization", body.retention_type)


@data_retention_router.get(PROJECT)
async def retrieve_project(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return a project's setting."""
    found = await get_project_retention(accounts.db, admin.org_id, ProjectId(project_id))
    return _shape("project", found)


@data_retention_router.post(PROJECT)
async def update_project(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Change a project's setting."""
    body = await read_body(request, services, ProjectRetentionBody)
    await set_project_retention(accounts.db, admin, ProjectId(project_id), body.retention_type)
    return _shape("project", body.retention_type)


def _shape(scope: str, kind: str) -> Response:
    return json_response({"object": f"{scope}.data_retention", "type": kind})
