"""What all tables share: the registry and the portable column types."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, MetaData, String
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator, TypeEngine

from sayso.ids import AuditLogId, InviteId, KeyId, OrgId, ProjectId, ServiceAccountId, UserId

ID_LENGTH = 64  # characters; ours have at most 37


class UtcDateTime(TypeDecorator[datetime]):
    """A moment: aware in Python, always UTC in the database, exact to the microsecond.

    SQLite has no time zones, so there it is stored without one.
    """

    impl = DateTime
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Keep the zone where the database can."""
        return dialect.type_descriptor(DateTime(timezone=dialect.name != "sqlite"))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC. Raises `ValueError` for a datetime without a zone."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a datetime without a time zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return an aware datetime."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The root of every table; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it once, when the class is made
        OrgId: String(ID_LENGTH),
        ProjectId: String(ID_LENGTH),
        KeyId: String(ID_LENGTH),
        UserId: String(ID_LENGTH),
        ServiceAccountId: String(ID_LENGTH),
        InviteId: String(ID_LENGTH),
        AuditLogId: String(ID_LENGTH),
        datetime: UtcDateTime(),
    }
