"""The members of a project, all of them members of its organization."""

from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId, ProjectId, UserId
from sayso.tenancy.audit import record
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.project_lookup import find_project, open_project
from sayso.tenancy.roles import ProjectRole
from sayso.tenancy.tables import Membership, Project, ProjectMember, User


@dataclass(frozen=True, slots=True)
class ProjectUserRecord:
    """A member of a project."""

    id: UserId
    email: str
    name: str
    role: ProjectRole
    added_at: datetime


async def add_project_user(
    db: Database,
    by: AdminCaller,
    project_id: ProjectId,
    role: ProjectRole,
    *,
    user_id: UserId | None = None,
    email: str | None = None,
) -> ProjectUserRecord:
    """Take a member of the organization, named by id or address, into a project.

    Raises `ObjectNotFound`, `InvalidRequest` for one who is in it and for an archived project.
    """
    query = select(User).join(Membership, Membership.user_id == User.id)
    query = query.where(Membership.organization_id == by.org_id)
    query = query.where(User.id == user_id) if user_id is not None else query.where(User.email == email)
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        user = await session.scalar(query)
        if user is None:
            raise _unknown(user_id or email or "")
        if await session.get(ProjectMember, (project_id, user.id)) is not None:
            raise InvalidRequest(
                "The user is in this project already.", param="user_id", code="user_already_in_project"
            )
        member = ProjectMember(project_id=project_id, user_id=user.id, role=role, added_at=datetime.now(UTC))
        session.add(member)
        await session.flush()
        await record(session, by, "user.added", user.id, {"data": {"role": role}}, project_id)
        return _record(member, user)


async def list_project_users(
    db: Database, org_id: OrgId, project_id: ProjectId, cut: Cut
) -> Page[ProjectUserRecord]:
    """Return the members, the longest there first. Raises `ObjectNotFound` for the project."""
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        page = await read_page(
            session, _members(org_id, project_id), ProjectMember.added_at, ProjectMember.user_id, cut
        )
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def get_project_user(
    db: Database, org_id: OrgId, project_id: ProjectId, user_id: UserId
) -> ProjectUserRecord:
    """Return one member. Raises `ObjectNotFound`."""
    async with db.read() as session:
        await find_project(session, org_id, project_id)
        return _record(*await _find(session, org_id, project_id, user_id))


async def update_project_user(
    db: Database, by: AdminCaller, project_id: ProjectId, user_id: UserId, role: ProjectRole | None
) -> ProjectUserRecord:
    """Give a member another role; None changes nothing. Raises `ObjectNotFound`, `InvalidRequest`."""
    async with db.transaction() as session:
        await open_project(session, by.org_id, project_id)
        member, user = await _find(session, by.org_id, project_id, user_id)
        if role is not None:
            member.role = role
            details = {"changes_requested": {"role": role}}
            await record(session, by, "user.updated", user_id, details, project_id)
        return _record(member, user)


async def remove_project_user(db: Database, by: AdminCaller, project_id: ProjectId, user_id: UserId) -> None:
    """Take a member out of a project; keys of one who is no owner of the organization stop working.

    Raises `ObjectNotFound`.
    """
    async with db.transaction() as session:
        await find_project(session, by.org_id, project_id)
        member, _ = await _find(session, by.org_id, project_id, user_id)
        await session.delete(member)
        await record(session, by, "user.deleted", user_id, project_id=project_id)


def _members(org_id: OrgId, project_id: ProjectId) -> "Select[ProjectMember, User]":
    return (
        select(ProjectMember, User)
        .join(User, User.id == ProjectMember.user_id)
        .join(Project, Project.id == ProjectMember.project_id)
        .where(Project.organization_id == org_id, ProjectMember.project_id == project_id)
    )


async def _find(
    session: AsyncSession, org_id: OrgId, project_id: ProjectId, user_id: UserId
) -> tuple[ProjectMember, User]:
    query = _members(org_id, project_id).where(ProjectMember.user_id == user_id)
    row = (await session.execute(query)).one_or_none()
    if row is None:
        raise _unknown(user_id)
    member, user = row
    return member, user


def _record(member: ProjectMember, user: User) -> ProjectUserRecord:
    return ProjectUserRecord(user.id, user.email, user.name, member.role, member.added_at)


def _unknown(named: str) -> ObjectNotFound:
    return ObjectNotFound(f"No user found with id '{named}'.", param="user_id")
