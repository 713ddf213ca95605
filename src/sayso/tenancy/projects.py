"""Make, list, rename and archive an organization's projects."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.ids import OrgId, ProjectId, new_project_id
from sayso.tenancy.audit import record
from sayso.tenancy.names import check_name
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.project_lookup import find_project, open_project
from sayso.tenancy.tables import Project


@dataclass(frozen=True, slots=True)
class ProjectRecord:
    """A project; `archived_at` is None while its keys work."""

    id: ProjectId
    name: str
    created_at: datetime
    archived_at: datetime | None


async def create_project(db: Database, by: AdminCaller, name: str) -> ProjectRecord:
    """Make a project without keys or members. Raises `InvalidRequest` for the name."""
    async with db.transaction() as session:
        project = Project(
            id=new_project_id(),
            organization_id=by.org_id,
            name=check_name(name),
            created_at=datetime.now(UTC),
        )
        session.add(project)
        await session.flush()
        details = {"data": {"name": name, "title": name}}
        await record(session, by, "project.created", project.id, details, project.id)
        return _record(project)


async def list_projects(
    db: Database, org_id: OrgId, cut: Cut, *, with_archived: bool = False
) -> Page[ProjectRecord]:
    """Return the organization's projects, the oldest first."""
    query = select(Project).where(Project.organization_id == org_id)
    if not with_archived:
        query = query.where(Project.archived_at.is_(None))
    async with db.read() as session:
        page = await read_page(session, query, Project.created_at, Project.id, cut)
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def get_project(db: Database, org_id: OrgId, project_id: ProjectId) -> ProjectRecord:
    """Return one project, archived or not. Raises `ObjectNotFound`."""
    async with db.read() as session:
        return _record(await find_project(session, org_id, project_id))


async def update_project(
    db: Database, by: AdminCaller, project_id: ProjectId, name: str | None
) -> ProjectRecord:
    """Rename a project; None leaves the name.

    Raises `ObjectNotFound`, `InvalidRequest` for the name and for a project that is archived.
    """
    async with db.transaction() as session:
        project = await open_project(session, by.org_id, project_id)
        if name is not None:
            project.name = check_name(name)
            details = {"changes_requested": {"name": name, "title": name}}
            await record(session, by, "project.updated", project.id, details, project.id)
        return _record(project)


async def archive_project(db: Database, by: AdminCaller, project_id: ProjectId) -> ProjectRecord:
    """Archive a project for good: within a second none of its keys works. Twice is as good as once.

    Raises `ObjectNotFound`.
    """
    async with db.transaction() as session:
        project = await find_project(session, by.org_id, project_id)
        if project.archived_at is None:
            project.archived_at = datetime.now(UTC)
            await record(session, by, "project.archived", project.id, project_id=project.id)
        return _record(project)


def _record(project: Project) -> ProjectRecord:
    return ProjectRecord(project.id, project.name, project.created_at, project.archived_at)
