"""What models are called over time, who pins which snapshot, and what comes to an end."""

from typing import Annotated

from sqlalchemy import BigInteger, String
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import ID_LENGTH, Base
from sayso.db.columns import CLUSTERED, NAME_LENGTH, Id, KeyId, Moment, Serial, Word

Name = Annotated[str, mapped_column(String(NAME_LENGTH))]
KeyName = Annotated[str, mapped_column(String(NAME_LENGTH), primary_key=True)]


class ModelAliasVersion(Base):
    """Where an alias leads from a moment on; the database refuses to change or delete a row.

    Of an alias's rows the one with the highest `number` whose moment has come is in force. `previous` is
    where it led before, None for the first. `cause` is `settings`, `move` or `rollback`; `actor` is the
    user, None for the settings.
    """

    __tablename__ = "model_alias_versions"

    number: Mapped[Serial]
    alias: Mapped[Name]
    snapshot: Mapped[Name]
    previous: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    effective_from: Mapped[Moment]
    made_at: Mapped[Moment]
    actor: Mapped[str | None] = mapped_column(String(ID_LENGTH))
    cause: Mapped[Word]


class ModelPin(Base):
    """A project whose requests for `model` go to `snapshot`, as long as this is there.

    `digest` is the snapshot's at that moment: whatever is there under its name later must have it.
    """

    __tablename__ = "model_pins"
    __table_args__ = CLUSTERED

    project_id: Mapped[KeyId]
    model: Mapped[KeyName]
    snapshot: Mapped[Name]
    digest: Mapped[str] = mapped_column(String(64))
    made_at: Mapped[Moment]
    actor: Mapped[Id]


class ModelDeprecation(Base):
    """A name, alias or snapshot, that should not be used any more and may come to an end.

    `replacement` is what to use instead, empty where nothing is named.
    """

    __tablename__ = "model_deprecations"
    __table_args__ = CLUSTERED

    model: Mapped[KeyName]
    deprecated_from: Mapped[Moment]
    shutdown_at: Mapped[int | None] = mapped_column(BigInteger)
    replacement: Mapped[Name]
    made_at: Mapped[Moment]
    actor: Mapped[Id]
