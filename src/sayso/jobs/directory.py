"""Whom ids and names stand for."""

from dataclasses import dataclass

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.billing.invoices import Party
from sayso.billing.scopes import Scope
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.tenancy.key_tables import ApiKey
from sayso.tenancy.tables import Organization, Project


async def party(db: Database, organization: str) -> Party:
    """Return an organization, by id or slug, with the names of its projects. Raises `ObjectNotFound`."""
    query = select(Organization.id, Organization.name).where(
        or_(Organization.id == organization, Organization.slug == organization)
    )
    async with db.read() as session:
        found = (await session.execute(query)).first()
        if found is None:
            raise ObjectNotFound(f"There is no organization '{organization}'.")
        projects = select(Project.id, Project.name).where(Project.organization_id == found.id)
        names = [(str(key), name) for key, name in await session.execute(projects.order_by(Project.id))]
    return Party(found.id, found.name, tuple(names))


async def key_names(db: Database, org_id: OrgId) -> dict[str, str]:
    """Return the names of an organization's API keys by id, revoked ones too."""
    query = select(ApiKey.id, ApiKey.name).join(Project, Project.id == ApiKey.project_id)
    async with db.read() as session:
        rows = await session.execute(query.where(Project.organization_id == org_id))
        return {str(key): name for key, name in rows}


@dataclass(frozen=True, slots=True)
class ScopeNames:
    """An organization, and its project where the scope is one."""

    organization_id: OrgId
    organization: str
    project_id: ProjectId | None = None
    project: str | None = None


async def names_of(db: Database, scope: Scope) -> ScopeNames | None:
    """Return what an organization's or a project's scope is called; None where there is no such thing."""
    async with db.read() as session:
        if scope.kind == "organization":
            organization = await session.get(Organization, OrgId(scope.id))
            return ScopeNames(organization.id, organization.name) if organization else None
        query = select(Organization.id, Organization.name, Project.id, Project.name).join(Project)
        found = (await session.execute(query.where(Project.id == scope.id))).one_or_none()
        return ScopeNames(*found) if found else None


async def named_scope(db: Database, org_id: OrgId, project: str | None, key: str | None) -> Scope:
    """Return the scope that a command names: a key, else a project, else the organization.

    A project is named by its id, or by its name where only one has it. Raises `ObjectNotFound`.
    """
    async with db.read() as session:
        project_id = await _project(session, org_id, project) if project is not None else None
        if key is None:
            return Scope("organization", org_id) if project_id is None else Scope("project", project_id)
        query = select(ApiKey.project_id).join(Project, Project.id == ApiKey.project_id)
        query = query.where(Project.organization_id == org_id, ApiKey.id == key)
        found = await session.scalar(query.where(ApiKey.revoked_at.is_(None)))
    if found is None or project_id not in (None, found):
        raise ObjectNotFound(f"No API key found with id '{key}'.")
    return Scope("key", key, found)


async def _project(session: AsyncSession, org_id: OrgId, named: str) -> ProjectId:
    query = select(Project.id).where(Project.organization_id == org_id)
    found = (await session.scalars(query.where(or_(Project.id == named, Project.name == named)))).all()
    if named in found:
        return ProjectId(named)
    if len(found) != 1:
        several = f": {len(found)} have this name" if found else ""
        raise ObjectNotFound(f"No project found with id '{named}'{several}.")
    return found[0]
