"""What administrators did; the database refuses to change a row, and to delete one of the last 400 days."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import ID_LENGTH, Base
from sayso.ids import AuditLogId, KeyId, OrgId, ProjectId, UserId


class AuditLog(Base):
    """One change. Ids are kept as they were and refer to nothing, for what they named may be gone."""

    __tablename__ = "audit_logs"
    __table_args__ = (
        Index("ix_audit_logs_organization_id_effective_at_id", "organization_id", "effective_at", "id"),
    )

    id: Mapped[AuditLogId] = mapped_column(primary_key=True)
    organization_id: Mapped[OrgId] = mapped_column(ForeignKey("organizations.id"))
    project_id: Mapped[ProjectId | None]
    type: Mapped[str] = mapped_column(String(64))
    effective_at: Mapped[datetime]
    actor_key_id: Mapped[KeyId | None]
    actor_user_id: Mapped[UserId]
    actor_email: Mapped[str] = mapped_column(String(320))
    resource_id: Mapped[str] = mapped_column(String(ID_LENGTH))
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
