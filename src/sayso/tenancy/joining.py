"""Accepting an invitation: how a person becomes a member."""

from datetime import UTC, datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller
from sayso.db.session import Database
from sayso.errors import InvalidRequest
from sayso.ids import InviteId, ProjectId, UserId, new_user_id
from sayso.tenancy.audit import record
from sayso.tenancy.invites import find_invite
from sayso.tenancy.names import check_name
from sayso.tenancy.tables import Invite, Membership, Project, ProjectMember, User


async def accept_invite(db: Database, by: AdminCaller, invite_id: InviteId, name: str) -> UserId:
    """Make the invited a member of the organization and of the projects that came with it.

    `name` is for somebody who is not known by the address yet. Projects archived since are left out. Raises
    `ObjectNotFound`, `InvalidRequest` for the name and for an invitation that is accepted or has expired.
    """
    now = datetime.now(UTC)
    async with db.transaction() as session:
        invite = await find_invite(session, by.org_id, invite_id)
        if invite.accepted_at is not None or invite.expires_at <= now:
            raise InvalidRequest("The invite is not pending.", param="invite_id", code="invite_not_pending")
        user_id = await _user(session, invite.email, check_name(name), now)
        if await session.get(Membership, (by.org_id, user_id)) is None:
            session.add(
                Membership(organization_id=by.org_id, user_id=user_id, role=invite.role, added_at=now)
            )
        invite.accepted_at = now
        await session.flush()
        await _join_projects(session, invite, user_id, now)
        await record(session, by, "invite.accepted", invite.id)
        await record(session, by, "user.added", user_id, {"data": {"role": invite.role}})
        return user_id


async def _user(session: AsyncSession, email: str, name: str, now: datetime) -> UserId:
    known = await session.scalar(select(User.id).where(User.email == email))
    if known is not None:
        return known
    user = User(id=new_user_id(), email=email, name=name, created_at=now)
    session.add(user)
    await session.flush()
    return user.id


async def _join_projects(session: AsyncSession, invite: Invite, user_id: UserId, now: datetime) -> None:
    for grant in invite.projects:
        project = await session.get(Project, ProjectId(grant["id"]))
        joined = await session.get(ProjectMember, (grant["id"], user_id))
        if project is not None and project.archived_at is None and joined is None:
            role = "owner" if grant["role"] == "owner" else "member"
            session.add(ProjectMember(project_id=project.id, user_id=user_id, role=role, added_at=now))
    await session.flush()
