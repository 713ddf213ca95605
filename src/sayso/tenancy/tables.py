"""Who exists: organizations own projects, projects own API keys."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import Base
from sayso.ids import KeyId, OrgId, ProjectId


class Organization(Base):
    """A customer, or a team; `slug` never changes and goes into the `openai-organization` header."""

    __tablename__ = "organizations"

    id: Mapped[OrgId] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime]


class Project(Base):
    """A part of an organization with keys of its own."""

    __tablename__ = "projects"

    id: Mapped[ProjectId] = mapped_column(primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    created_at: Mapped[datetime]


class ApiKey(Base):
    """A key, without its secret: `digest` is HMAC-SHA-256 under the pepper, `lookup_id` a part of the key."""

    __tablename__ = "api_keys"

    id: Mapped[KeyId] = mapped_column(primary_key=True)
    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    lookup_id: Mapped[str] = mapped_column(String(12), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32))
    redacted_value: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
