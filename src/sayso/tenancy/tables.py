"""Who exists: organizations with members and projects, projects with members and service accounts."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from sayso.core.caller import OrgRole, PermissionMode
from sayso.db.base import Base
from sayso.ids import InviteId, OrgId, ProjectId, ServiceAccountId, UserId
from sayso.tenancy.roles import AccountRole, ProjectRole

NAME_LENGTH = 256  # characters
EMAIL_LENGTH = 320  # characters
ROLE = String(16)


class Organization(Base):
    """A customer, or a team; `slug` never changes and goes into the `openai-organization` header."""

    __tablename__ = "organizations"

    id: Mapped[OrgId] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    created_at: Mapped[datetime]


class Project(Base):
    """A part of an organization with keys of its own; they stop working once it is archived."""

    __tablename__ = "projects"

    id: Mapped[ProjectId] = mapped_column(primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    created_at: Mapped[datetime]
    archived_at: Mapped[datetime | None]


class User(Base):
    """A person, known by an e-mail address in lower case."""

    __tablename__ = "users"

    id: Mapped[UserId] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH), unique=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    created_at: Mapped[datetime]


class Membership(Base):
    """A user's place in an organization."""

    __tablename__ = "memberships"

    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"), primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[OrgRole] = mapped_column(ROLE)
    added_at: Mapped[datetime]


class ProjectMember(Base):
    """A user's place in a project."""

    __tablename__ = "project_members"

    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True, index=True)
    role: Mapped[ProjectRole] = mapped_column(ROLE)
    added_at: Mapped[datetime]


class ServiceAccount(Base):
    """A program's place in a project; a deleted one stays behind for what it did."""

    __tablename__ = "service_accounts"

    id: Mapped[ServiceAccountId] = mapped_column(primary_key=True)
    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    role: Mapped[AccountRole] = mapped_column(ROLE)
    created_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class Invite(Base):
    """An invitation to an organization; `projects` is a list of objects with `id` and `role`."""

    __tablename__ = "invites"

    id: Mapped[InviteId] = mapped_column(primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"), index=True)
    email: Mapped[str] = mapped_column(String(EMAIL_LENGTH))
    role: Mapped[OrgRole] = mapped_column(ROLE)
    projects: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]


class ModelPermissions(Base):
    """Which models a project may use; without a row, all."""

    __tablename__ = "model_permissions"

    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    mode: Mapped[PermissionMode] = mapped_column(ROLE)
    model_ids: Mapped[list[str]] = mapped_column(JSON)
