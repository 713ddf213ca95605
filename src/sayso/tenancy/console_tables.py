"""Who is signed in to the console. `digest` is HMAC-SHA-256 under the pepper of what only the browser has."""

from datetime import datetime

from sqlalchemy import ForeignKey, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import Base
from sayso.ids import KeyId, OrgId, ProjectId, UserId


class ConsoleSession(Base):
    """A browser that is signed in; `admin_key_id` is the key that it came with, None for a link."""

    __tablename__ = "console_sessions"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"))
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    admin_key_id: Mapped[KeyId | None] = mapped_column(ForeignKey("admin_api_keys.id"))
    created_at: Mapped[datetime]
    used_at: Mapped[datetime]
    expires_at: Mapped[datetime] = mapped_column(index=True)


class ConsoleLink(Base):
    """A link that signs in once; its row is gone once it has."""

    __tablename__ = "console_links"

    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"))
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"))
    expires_at: Mapped[datetime]


class PlaygroundKey(Base):
    """The key that a user's playground calls with in a project; nobody knows its secret."""

    __tablename__ = "playground_keys"

    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), primary_key=True)
    key_id: Mapped[KeyId] = mapped_column(ForeignKey("api_keys.id"))
