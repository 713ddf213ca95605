"""The organization and project that exist from the first start on."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId, new_org_id, new_project_id
from sayso.tenancy.api_keys import KeyOwner, NewKey, add_key
from sayso.tenancy.owners import add_owner, oldest_owner
from sayso.tenancy.tables import Organization, Project

DEFAULT = "default"  # the first organization's slug and name, and its project's name


@dataclass(frozen=True, slots=True)
class FirstTenant:
    """What the first start made; `key.secret` is shown now and never again. `owner` is its first user."""

    org_id: OrgId
    project_id: ProjectId
    key: NewKey
    owner: AdminCaller


@dataclass(frozen=True, slots=True)
class DefaultProject:
    """The project that commands act on unless told otherwise, and who the command line is to it."""

    id: ProjectId
    operator: AdminCaller

    @property
    def org_id(self) -> OrgId:
        """The organization of the project."""
        return self.operator.org_id


async def ensure_first_tenant(db: Database, pepper: bytes) -> FirstTenant | None:
    """Make an organization, a project and a key in an empty database; return None in any other."""
    async with db.transaction() as session:
        if await session.scalar(select(Organization.id).limit(1)) is not None:
            return None
        made = await _add_default_project(session)
        owner = KeyOwner(user_id=made.operator.user_id)
        key = await add_key(session, pepper, made.operator, made.id, owner, DEFAULT)
        return FirstTenant(made.org_id, made.id, key, made.operator)


async def default_project(db: Database, organization: str = DEFAULT) -> DefaultProject:
    """Return the oldest project, not archived, of an organization by id or slug; make it where it is missing.

    The default organization is made too. Raises `ObjectNotFound` for any other that does not exist.
    """
    async with db.transaction() as session:
        org_id = await session.scalar(select(Organization.id).where(_named(organization)))
        if org_id is None and organization != DEFAULT:
            raise ObjectNotFound(f"There is no organization '{organization}'.")
        found = await session.scalar(
            select(Project.id)
            .where(Project.organization_id == org_id, Project.archived_at.is_(None))
            .order_by(Project.created_at, Project.id)
            .limit(1)
        )
        if org_id is None or found is None:
            return await _add_default_project(session, org_id)
        return DefaultProject(found, await oldest_owner(session, org_id))


async def add_organization(session: AsyncSession, slug: str, name: str) -> AdminCaller:
    """Make an organization with its first owner in the caller's transaction, and return the owner."""
    organization = Organization(id=new_org_id(), slug=slug, name=name, created_at=datetime.now(UTC))
    session.add(organization)
    await session.flush()
    return AdminCaller(organization.id, await add_owner(session, organization))


def _named(organization: str) -> ColumnElement[bool]:
    return or_(Organization.id == organization, Organization.slug == organization)


async def _add_default_project(session: AsyncSession, org_id: OrgId | None = None) -> DefaultProject:
    if org_id is None:
        operator = await add_organization(session, DEFAULT, DEFAULT)
    else:
        operator = await oldest_owner(session, org_id)
    return DefaultProject(await add_default_project(session, operator.org_id), operator)


async def add_default_project(session: AsyncSession, org_id: OrgId) -> ProjectId:
    """Make an organization's first project in the caller's transaction."""
    project = Project(id=new_project_id(), organization_id=org_id, name=DEFAULT, created_at=datetime.now(UTC))
    session.add(project)
    await session.flush()
    return project.id
