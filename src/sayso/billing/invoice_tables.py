"""Invoices that were issued: one for each organization and month, never changed."""

from sqlalchemy import String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from sayso.billing.tables import Nano
from sayso.db.base import Base
from sayso.db.columns import Count, Id, Moment, Serial


class InvoiceRow(Base):
    """An issued invoice; triggers refuse to change or remove it.

    `id` counts without gaps and makes the number. `month_start` is in Unix seconds, `issued_at` in Unix
    microseconds. `document` is the whole invoice as canonical JSON, names and addresses as they were,
    `sha256` its digest in hex. `credit_nano_usd` is what it took from the organization's credits.
    """

    __tablename__ = "invoices"
    __table_args__ = (UniqueConstraint("organization_id", "month_start"),)

    id: Mapped[Serial]
    number: Mapped[str] = mapped_column(String(32), unique=True)
    organization_id: Mapped[Id]
    month_start: Mapped[Count]
    issued_at: Mapped[Moment]
    total_cents: Mapped[Count]
    credit_nano_usd: Mapped[Nano]
    document: Mapped[str] = mapped_column(Text)
    sha256: Mapped[str] = mapped_column(String(64))
