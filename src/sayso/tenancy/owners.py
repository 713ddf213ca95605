"""The first owner of an organization, who owns what nobody else was named for."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.ids import OrgId, UserId, new_user_id
from sayso.tenancy.tables import Membership, Organization, User


async def add_owner(session: AsyncSession, organization: Organization) -> UserId:
    """Make an organization's first owner in the caller's transaction; nothing can be sent to the address."""
    now = datetime.now(UTC)
    user = User(
        id=new_user_id(),
        email=f"owner@{organization.slug}.invalid",
        name=organization.slug,
        created_at=now,
    )
    session.add(user)
    await session.flush()
    session.add(Membership(organization_id=organization.id, user_id=user.id, role="owner", added_at=now))
    await session.flush()
    return user.id


async def oldest_owner(session: AsyncSession, org_id: OrgId) -> AdminCaller:
    """Return the owner that the server's own command line acts as."""
    query = (
        select(Membership.user_id)
        .where(Membership.organization_id == org_id, Membership.role == "owner")
        .order_by(Membership.added_at, Membership.user_id)
        .limit(1)
    )
    return AdminCaller(org_id, (await session.scalars(query)).one())
