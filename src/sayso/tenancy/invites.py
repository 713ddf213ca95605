"""Invitations to an organization. sayso sends no mail: the operator passes the invitation on."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.core.caller import AdminCaller, OrgRole
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import InviteId, OrgId, ProjectId, new_invite_id
from sayso.tenancy.audit import record
from sayso.tenancy.names import check_email
from sayso.tenancy.paging import Cut, Page, read_page
from sayso.tenancy.project_lookup import open_project
from sayso.tenancy.roles import ProjectRole
from sayso.tenancy.tables import Invite, Membership, Project, User

LIFETIME = timedelta(days=7)
InviteStatus: TypeAlias = Literal["accepted", "expired", "pending"]


@dataclass(frozen=True, slots=True)
class InviteRecord:
    """An invitation; `projects` maps each project that comes with it to the role there."""

    id: InviteId
    email: str
    role: OrgRole
    projects: Mapping[str, str]
    created_at: datetime
    expires_at: datetime
    accepted_at: datetime | None

    def status(self, now: datetime) -> InviteStatus:
        """Return how it stands."""
        if self.accepted_at is not None:
            return "accepted"
        return "pending" if now < self.expires_at else "expired"


async def create_invite(
    db: Database,
    by: AdminCaller,
    email: str,
    role: OrgRole,
    projects: Mapping[ProjectId, ProjectRole] | None = None,
) -> InviteRecord:
    """Invite somebody for seven days; without `projects` to the oldest project.

    Raises `InvalidRequest` for the address and for a member, `ObjectNotFound` for a project.
    """
    address = check_email(email)
    async with db.transaction() as session:
        await _refuse_member(session, by.org_id, address)
        granted = await _default_grant(session, by.org_id) if projects is None else projects
        for project_id in granted:
            await open_project(session, by.org_id, project_id)
        now = datetime.now(UTC)
        invite = Invite(
            id=new_invite_id(),
            organization_id=by.org_id,
            email=address,
            role=role,
            projects=[{"id": project_id, "role": theirs} for project_id, theirs in granted.items()],
            created_at=now,
            expires_at=now + LIFETIME,
        )
        session.add(invite)
        await session.flush()
        await record(session, by, "invite.sent", invite.id, {"data": {"email": address, "role": role}})
        return _record(invite)


async def list_invites(db: Database, org_id: OrgId, cut: Cut) -> Page[InviteRecord]:
    """Return the organization's invitations, the oldest first."""
    async with db.read() as session:
        page = await read_page(session, _invites(org_id), Invite.created_at, Invite.id, cut)
    return Page(tuple(_record(*row) for row in page.items), page.has_more)


async def get_invite(db: Database, org_id: OrgId, invite_id: InviteId) -> InviteRecord:
    """Return one invitation. Raises `ObjectNotFound`."""
    async with db.read() as session:
        return _record(await find_invite(session, org_id, invite_id))


async def delete_invite(db: Database, by: AdminCaller, invite_id: InviteId) -> None:
    """Take an invitation back. Raises `ObjectNotFound`, `InvalidRequest` for one that was accepted."""
    async with db.transaction() as session:
        invite = await find_invite(session, by.org_id, invite_id)
        if invite.accepted_at is not None:
            raise InvalidRequest(
                "An accepted invite can not be deleted.", param="invite_id", code="invite_accepted"
            )
        await session.delete(invite)
        await record(session, by, "invite.deleted", invite_id)


async def find_invite(session: AsyncSession, org_id: OrgId, invite_id: InviteId) -> Invite:
    """Return an invitation of the organization. Raises `ObjectNotFound`."""
    found = await session.scalar(_invites(org_id).where(Invite.id == invite_id))
    if found is None:
        raise ObjectNotFound(f"No invite found with id '{invite_id}'.", param="invite_id")
    return found


def _invites(org_id: OrgId) -> "Select[Invite]":
    return select(Invite).where(Invite.organization_id == org_id)


async def _refuse_member(session: AsyncSession, org_id: OrgId, email: str) -> None:
    query = select(User.id).join(Membership).where(Membership.organization_id == org_id, User.email == email)
    if await session.scalar(query) is not None:
        raise InvalidRequest(
            "The user is a member of the organization already.",
            param="email",
            code="user_already_in_organization",
        )


async def _default_grant(session: AsyncSession, org_id: OrgId) -> dict[ProjectId, ProjectRole]:
    query = (
        select(Project.id)
        .where(Project.organization_id == org_id, Project.archived_at.is_(None))
        .order_by(Project.created_at, Project.id)
        .limit(1)
    )
    return dict.fromkeys(await session.scalars(query), "member")


def _record(invite: Invite) -> InviteRecord:
    granted = {one["id"]: one["role"] for one in invite.projects}
    return InviteRecord(
        invite.id,
        invite.email,
        invite.role,
        granted,
        invite.created_at,
        invite.expires_at,
        invite.accepted_at,
    )
