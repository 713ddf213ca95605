"""Make and list organizations: what the operator alone does, at the server's command line."""

import re
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import InvalidRequest
from sayso.ids import OrgId
from sayso.tenancy.accounts import Accounts
from sayso.tenancy.admin_keys import NewAdminKey, add_admin_key
from sayso.tenancy.audit import record
from sayso.tenancy.names import check_name
from sayso.tenancy.service import add_default_project, add_organization
from sayso.tenancy.tables import Organization, Project

SLUG_LENGTH = 48  # characters of a slug that is made from a name
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class OrganizationRecord:
    """An organization; `projects` counts those that are not archived."""

    id: OrgId
    slug: str
    name: str
    created_at: datetime
    projects: int


@dataclass(frozen=True, slots=True)
class NewOrganization:
    """An organization just made; `admin_key.secret` is shown now and never again."""

    organization: OrganizationRecord
    admin_key: NewAdminKey


async def create_organization(
    accounts: Accounts, by: AdminCaller, name: str, slug: str | None = None
) -> NewOrganization:
    """Make an organization with an owner, a project and an admin key.

    `by` is the operator, whose audit log tells of it as the new organization's own does. Without a slug one
    is made from the name. Raises `InvalidRequest` for a name or a slug that can not be or is taken.
    """
    check_name(name)
    async with accounts.db.transaction() as session:
        owner = await add_organization(session, await _slug(session, name, slug), name)
        await add_default_project(session, owner.org_id)
        key = await add_admin_key(session, accounts.pepper, owner, "first")
        made = await session.get_one(Organization, owner.org_id)
        for who in (by, owner):
            details = {"data": {"name": name, "slug": made.slug}}
            await record(session, who, "organization.created", made.id, details)
        return NewOrganization(_record(made, 1), key)


async def list_organizations(db: Database) -> tuple[OrganizationRecord, ...]:
    """Return every organization, the oldest first."""
    projects = (
        select(func.count())
        .select_from(Project)
        .where(Project.organization_id == Organization.id, Project.archived_at.is_(None))
        .scalar_subquery()
    )
    query = select(Organization, projects).order_by(Organization.created_at, Organization.id)
    async with db.read() as session:
        return tuple(_record(row, int(count)) for row, count in await session.execute(query))


async def _slug(session: AsyncSession, name: str, wanted: str | None) -> str:
    """Return `wanted`, or one from the name with a number behind it where that is taken."""
    taken = set(await session.scalars(select(Organization.slug)))
    if wanted is not None:
        if not _SLUG.fullmatch(wanted):
            raise InvalidRequest(
                "A slug has 1 to 64 lower-case letters, digits and dashes in between.", param="slug"
            )
        if wanted in taken:
            raise InvalidRequest(f"There is an organization '{wanted}' already.", param="slug")
        return wanted
    base = re.sub(r"[^a-z0-9]+", "-", name.lower())[:SLUG_LENGTH].strip("-") or "organization"
    number = 1
    while (slug := base if number == 1 else f"{base}-{number}") in taken:
        number += 1
    return slug


def _record(row: Organization, projects: int) -> OrganizationRecord:
    return OrganizationRecord(row.id, row.slug, row.name, row.created_at, projects)
