"""Whom the ids in a bill stand for."""

from sqlalchemy import or_, select

from sayso.billing.invoices import Party
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId
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
