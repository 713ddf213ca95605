"""Keys, without their secrets: `digest` is HMAC-SHA-256 under the pepper, `lookup_id` a part of the key."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, LargeBinary, String
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import Base
from sayso.ids import KeyId, OrgId, ProjectId, ServiceAccountId, UserId
from sayso.tenancy.tables import NAME_LENGTH


class ApiKey(Base):
    """A project's key, owned by a user or a service account. `scopes` empty restricts nothing."""

    __tablename__ = "api_keys"

    id: Mapped[KeyId] = mapped_column(primary_key=True)
    project_id: Mapped[ProjectId] = mapped_column(ForeignKey("projects.id"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    lookup_id: Mapped[str] = mapped_column(String(12), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    redacted_value: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    user_id: Mapped[UserId | None] = mapped_column(ForeignKey("users.id"), index=True)
    service_account_id: Mapped[ServiceAccountId | None] = mapped_column(
        ForeignKey("service_accounts.id"), index=True
    )
    scopes: Mapped[list[str] | None] = mapped_column(JSON(none_as_null=True))
    expires_at: Mapped[datetime | None]


class AdminApiKey(Base):
    """A key for the admin API of an organization; it may what its user may."""

    __tablename__ = "admin_api_keys"

    id: Mapped[KeyId] = mapped_column(primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"), index=True)
    user_id: Mapped[UserId] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(NAME_LENGTH))
    lookup_id: Mapped[str] = mapped_column(String(12), unique=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), index=True)
    redacted_value: Mapped[str] = mapped_column(String(32))
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class KeyPepper(Base):
    """The pepper that all digests here were made with, as a fingerprint in hex; one row, whose `id` is 1."""

    __tablename__ = "key_peppers"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    fingerprint: Mapped[str] = mapped_column(String(64))
