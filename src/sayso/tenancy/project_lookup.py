"""A project of an organization; a stranger's is as unknown as one that was never made."""

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.tenancy.tables import Project


async def find_project(session: AsyncSession, org_id: OrgId, project_id: ProjectId) -> Project:
    """Return a project, archived or not. Raises `ObjectNotFound`."""
    found = await session.scalar(
        select(Project).where(Project.organization_id == org_id, Project.id == project_id)
    )
    if found is None:
        raise ObjectNotFound(f"No project found with id '{project_id}'.", param="project_id")
    return found


async def open_project(session: AsyncSession, org_id: OrgId, project_id: ProjectId) -> Project:
    """Return a project that may still be changed. Raises `ObjectNotFound`, `InvalidRequest` if archived."""
    found = await find_project(session, org_id, project_id)
    if found.archived_at is not None:
        raise InvalidRequest(
            f"Project '{project_id}' is archived.", param="project_id", code="project_archived"
        )
    return found


async def archived(session: AsyncSession, project_ids: Collection[ProjectId]) -> frozenset[ProjectId]:
    """Return those of the projects that are archived, whosever they are."""
    query = select(Project.id).where(Project.id.in_(project_ids), Project.archived_at.is_not(None))
    return frozenset(await session.scalars(query)) if project_ids else frozenset()
