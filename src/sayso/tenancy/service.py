"""The organization and project that exist from the first start on."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.ids import OrgId, ProjectId, new_org_id, new_project_id
from sayso.tenancy.api_keys import NewKey, add_key
from sayso.tenancy.tables import Organization, Project

DEFAULT = "default"  # the first organization's slug and name, and its project's name


@dataclass(frozen=True, slots=True)
class FirstTenant:
    """What the first start made; `key.secret` is shown now and never again."""

    org_id: OrgId
    project_id: ProjectId
    key: NewKey


async def ensure_first_tenant(db: Database, pepper: bytes) -> FirstTenant | None:
    """Make an organization, a project and a key in an empty database; return None in any other."""
    async with db.transaction() as session:
        if await session.scalar(select(Organization.id).limit(1)) is not None:
            return None
        project = await _add_default_project(session)
        key = add_key(session, pepper, project.id, DEFAULT)
        return FirstTenant(project.organization_id, project.id, key)


async def default_project(db: Database) -> ProjectId:
    """Return the project that commands act on unless told otherwise; make it where it is missing."""
    query = (
        select(Project.id)
        .join(Organization)
        .where(Organization.slug == DEFAULT)
        .order_by(Project.created_at, Project.id)
        .limit(1)
    )
    async with db.transaction() as session:
        found = await session.scalar(query)
        return found if found is not None else (await _add_default_project(session)).id


async def _add_default_project(session: AsyncSession) -> Project:
    now = datetime.now(UTC)
    organization = Organization(id=new_org_id(), slug=DEFAULT, name=DEFAULT, created_at=now)
    session.add(organization)
    await session.flush()
    project = Project(id=new_project_id(), organization_id=organization.id, name=DEFAULT, created_at=now)
    session.add(project)
    await session.flush()
    return project
