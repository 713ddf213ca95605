"""The data retention that an organization and its projects have asked for: kept here, honoured elsewhere."""

from typing import Literal, TypeAlias

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.ids import OrgId, ProjectId
from sayso.tenancy.audit import record
from sayso.tenancy.project_lookup import find_project, open_project
from sayso.tenancy.tables import Organization

OrgRetention: TypeAlias = Literal[
    "zero_data_retention",
    "modified_abuse_monitoring",
    "enhanced_zero_data_retention",
    "enhanced_modified_abuse_monitoring",
]
ProjectRetention: TypeAlias = Literal[OrgRetention, "organization_default", "none"]

# There is no abuse log in which content could be kept.
ORG_DEFAULT = "modified_abuse_monitoring"
PROJECT_DEFAULT = "organization_default"


async def get_org_retention(db: Database, org_id: OrgId) -> str:
    """Return the organization's setting, one of `OrgRetention`."""
    async with db.read() as session:
        organization = await session.get_one(Organization, org_id)
        return organization.data_retention or ORG_DEFAULT


async def set_org_retention(db: Database, by: AdminCaller, wanted: OrgRetention) -> None:
    """Store the organization's setting."""
    async with db.transaction() as session:
        organization = await session.get_one(Organization, by.org_id)
        organization.data_retention = wanted
        details = {"changes_requested": {"data_retention": wanted}}
        await record(session, by, "organization.updated", by.org_id, details)


async def get_project_retention(db: Database, org_id: OrgId, project_id: ProjectId) -> str:
    """Return the project's setting, one of `ProjectRetention`. Raises `ObjectNotFound`."""
    async with db.read() as session:
        return (await find_project(session, org_id, project_id)).data_retention or PROJECT_DEFAULT


async def set_project_retention(
    db: Database, by: AdminCaller, project_id: ProjectId, wanted: ProjectRetention
) -> None:
    """Store the project's setting. Raises `ObjectNotFound`, `InvalidRequest` for an archived project."""
    async with db.transaction() as session:
        (await open_project(session, by.org_id, project_id)).data_retention = wanted
        details = {"changes_requested": {"data_retention": wanted}}
        await record(session, by, "project.updated", project_id, details, project_id)
