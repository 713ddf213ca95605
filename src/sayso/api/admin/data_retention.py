"""Data retention of the organization and of its projects, in OpenAI's words and, beyond these, in days."""

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.deps import AccountsDep, AdminDep, RetentionDep, ServicesDep
from sayso.api.field_errors import combination_error, missing
from sayso.api.openai.answering import json_response
from sayso.api.services import Services
from sayso.core.caller import AdminCaller
from sayso.ids import ProjectId
from sayso.jobs.data_decisions import change_policy
from sayso.retention.clock import wall_clock
from sayso.retention.policies import get_setting
from sayso.retention.policy import DEFAULT_DAYS, RetentionSetting, from_sdk, to_sdk
from sayso.retention.service import Retention
from sayso.tenancy.project_lookup import find_project

ORGANIZATION = "/v1/organization/data_retention"
PROJECT = "/v1/organization/projects/{project_id}/data_retention"

OrgRetention: TypeAlias = Literal[
    "none",  # not OpenAI's for an organization: back to 30 days
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
]
ProjectRetention: TypeAlias = Literal[OrgRetention, "organization_default"]
Days: TypeAlias = Annotated[int, Field(ge=1, le=DEFAULT_DAYS)]

data_retention_router = APIRouter()


class OrgRetentionBody(BaseModel):
    """What the organization asks for; `days` is not OpenAI's."""

    retention_type: OrgRetention | None = None
    days: Days | None = None


class ProjectRetentionBody(BaseModel):
    """What a project asks for; `days` is not OpenAI's."""

    retention_type: ProjectRetention | None = None
    days: Days | None = None


@data_retention_router.get(ORGANIZATION)
async def retrieve_organization(admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return what the organization asks for."""
    async with accounts.db.read() as session:
        return _shape("organization", await get_setting(session, admin.org_id))


@data_retention_router.post(ORGANIZATION)
async def update_organization(
    request: Request, admin: AdminDep, services: ServicesDep, retention: RetentionDep
) -> Response:
    """Ask for another retention of the organization's content."""
    body = await read_body(request, services, OrgRetentionBody)
    setting = _setting(body.retention_type, body.days)
    await _change(services, retention, admin, None, setting)
    return _shape("organization", setting)


@data_retention_router.get(PROJECT)
async def retrieve_project(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return what a project asks for."""
    async with accounts.db.read() as session:
        await find_project(session, admin.org_id, ProjectId(project_id))
        return _shape("project", await get_setting(session, admin.org_id, ProjectId(project_id)))


@data_retention_router.post(PROJECT)
async def update_project(
    project_id: str, request: Request, admin: AdminDep, services: ServicesDep, retention: RetentionDep
) -> Response:
    """Ask for another retention of a project's content."""
    body = await read_body(request, services, ProjectRetentionBody)
    setting = _setting(body.retention_type, body.days)
    await _change(services, retention, admin, ProjectId(project_id), setting)
    return _shape("project", setting)


async def _change(
    services: Services,
    retention: Retention,
    admin: AdminCaller,
    project_id: ProjectId | None,
    setting: RetentionSetting,
) -> None:
    """Set the policy; from the commit on it is in force, and the sweep acts on what is kept already."""
    await change_policy(retention.database, admin, project_id, setting, wall_clock())
    if services.keeper is not None:
        services.keeper.forget()
    retention.sweeper.wake()


def _setting(retention_type: str | None, days: int | None) -> RetentionSetting:
    if days is not None:
        if retention_type not in (None, "none"):
            raise combination_error("days", "'days' goes with no 'retention_type' but 'none'.")
        return RetentionSetting("days", days)
    if retention_type is None:
        raise missing("retention_type")
    return from_sdk(retention_type)


def _shape(scope: str, setting: RetentionSetting) -> Response:
    days = None if setting.mode == "inherit" else setting.policy.days
    return json_response({"object": f"{scope}.data_retention", "type": to_sdk(setting), "days": days})
