"""Numbers that the database's triggers change; see `revisions`."""

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import Base
from sayso.db.columns import CLUSTERED, WORD_LENGTH, Count


class RevisionRow(Base):
    """How often a group of tables has changed in what others remember of it."""

    __tablename__ = "revisions"
    __table_args__ = CLUSTERED

    name: Mapped[str] = mapped_column(String(WORD_LENGTH), primary_key=True)
    revision: Mapped[Count]
