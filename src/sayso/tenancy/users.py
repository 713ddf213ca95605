"""The members of an organization."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller, OrgRole
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId, UserId
from sayso.tenancy.audit import record
from sayso.tenancy.key_tables import AdminApiKey, ApiKey
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.tables import Membership, Project, ProjectMember, User


@dataclass(frozen=True, slots=True)
class UserRecord:
    """A member of an organization."""

    id: UserId
    email: str
    name: str
    role: OrgRole
    added_at: datetime
    created_at: datetime


async def list_users(db: Database, org_id: OrgId, cut: Cut, emails: Sequence[str] = ()) -> Page[UserRecord]:
    """Return the members, the longest there first; where `emails` are given, only those."""
    query = _members(org_id)
    if emails:
        query = query.where(User.email.in_([email.lower() for email in emails]))
    async with db.read() as session:
        page = await read_page(session, query, Membership.added_at, Membership.user_id, cut)
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def get_user(db: Database, org_id: OrgId, user_id: UserId) -> UserRecord:
    """Return one member. Raises `ObjectNotFound`."""
    async with db.read() as session:
        return _record(*await find_member(session, org_id, user_id))


async def update_user(db: Database, by: AdminCaller, user_id: UserId, role: OrgRole | None) -> UserRecord:
    """Give a member another role; None changes nothing.

    Raises `ObjectNotFound`, `InvalidRequest` for the last owner.
    """
    async with db.transaction() as session:
        member, user = await find_member(session, by.org_id, user_id)
        if role is not None:
            if role != "owner":
                await _keep_an_owner(session, member)
            member.role = role
            await record(session, by, "user.updated", user_id, {"changes_requested": {"role": role}})
        return _record(member, user)


async def delete_user(db: Database, by: AdminCaller, user_id: UserId) -> None:
    """Take a member out of the organization and its projects, and revoke the member's keys there.

    Raises `ObjectNotFound`, `InvalidRequest` for the last owner.
    """
    async with db.transaction() as session:
        member, _ = await find_member(session, by.org_id, user_id)
        await _keep_an_owner(session, member)
        theirs = select(Project.id).where(Project.organization_id == by.org_id)
        now = datetime.now(UTC)
        await session.execute(
            update(ApiKey)
            .where(ApiKey.user_id == user_id, ApiKey.project_id.in_(theirs), ApiKey.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        await session.execute(
            update(AdminApiKey)
            .where(AdminApiKey.user_id == user_id, AdminApiKey.organization_id == by.org_id)
            .where(AdminApiKey.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        await session.execute(
            delete(ProjectMember).where(
                ProjectMember.user_id == user_id, ProjectMember.project_id.in_(theirs)
            )
        )
        await session.delete(member)
        await record(session, by, "user.deleted", user_id)


async def find_member(session: AsyncSession, org_id: OrgId, user_id: UserId) -> tuple[Membership, User]:
    """Return a member of the organization. Raises `ObjectNotFound`."""
    row = (await session.execute(_members(org_id).where(Membership.user_id == user_id))).one_or_none()
    if row is None:
        raise ObjectNotFound(f"No user found with id '{user_id}'.", param="user_id")
    member, user = row
    return member, user


def _members(org_id: OrgId) -> "Select[Membership, User]":
    return (
        select(Membership, User)
        .join(User, User.id == Membership.user_id)
        .where(Membership.organization_id == org_id)
    )


async def _keep_an_owner(session: AsyncSession, member: Membership) -> None:
    owners = select(func.count()).where(
        Membership.organization_id == member.organization_id, Membership.role == "owner"
    )
    if member.role == "owner" and await session.scalar(owners) == 1:
        raise InvalidRequest("An organization keeps at least one owner.", param="user_id", code="last_owner")


def _record(member: Membership, user: User) -> UserRecord:
    return UserRecord(user.id, user.email, user.name, member.role, member.added_at, user.created_at)
