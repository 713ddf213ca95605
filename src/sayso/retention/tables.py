"""What the data promise is kept in.

Moments are Unix microseconds, UTC. Content is in `retained_chunks` alone, encrypted before it gets there;
its keys are in the key store and never here. `deletion_receipts` and `sweep_runs` are append-only: triggers
refuse UPDATE and DELETE.
"""

from typing import Annotated

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import ID_LENGTH, Base
from sayso.db.columns import (
    CLUSTERED,
    NAME_LENGTH,
    Count,
    Id,
    KeyId,
    KeyNumber,
    Moment,
    Serial,
    Word,
    partial_index,
)

KEY_FILE_LENGTH = 128
REASON_LENGTH = 1024

MaybeMoment = Annotated[int | None, mapped_column(BigInteger)]
MaybeId = Annotated[str | None, mapped_column(String(ID_LENGTH))]
Digest = Annotated[str, mapped_column(String(64))]


class KeyStoreRow(Base):
    """The key store that this database's content is encrypted with; `id` is its fingerprint."""

    __tablename__ = "retention_key_stores"

    id: Mapped[KeyId]
    first_used_at: Mapped[Moment]
    replaced_at: Mapped[MaybeMoment]


class RetentionPolicyRow(Base):
    """A version of what an organization or project asks for; the highest is in force.

    `applied_at` is when it has been applied to what was kept before it, None until then.
    """

    __tablename__ = "retention_policies"
    __table_args__ = (
        partial_index("ix_retention_policies_applied_at", "applied_at", where="applied_at IS NULL"),
        CLUSTERED,
    )

    scope_id: Mapped[KeyId]
    version: Mapped[KeyNumber]
    scope_kind: Mapped[Word]
    organization_id: Mapped[Id]
    mode: Mapped[Word]
    days: Mapped[Count]
    effective_from: Mapped[Moment]
    actor: Mapped[Id]
    applied_at: Mapped[MaybeMoment]


class ImprovementConsentRow(Base):
    """Whether an organization's content may be used to improve the service, from `since` on; no row: no.

    The highest `version` counts.
    """

    __tablename__ = "improvement_consents"
    __table_args__ = (CLUSTERED,)

    organization_id: Mapped[KeyId]
    version: Mapped[KeyNumber]
    opted_in: Mapped[Count]
    since: Mapped[Moment]
    actor: Mapped[Id]


class RetainedRecord(Base):
    """The content of one request; its key is slot `key_slot` of the key store's file `key_file`.

    `owner_id` is the user or service account whose request it was. `stored`: the request asked for it.
    `complete` is 0 while chunks are still written. From `erased_at` on it counts as gone. `asked_model` is
    the model's name as the request had it, `end_user` the tag of the caller's own user (`KeyStore.tag`).
    """

    __tablename__ = "retained_records"
    __table_args__ = (
        Index("ix_retained_records_expires_at", "expires_at"),
        Index("ix_retained_records_key_file", "key_file"),
        partial_index("ix_retained_records_complete", "complete", where="complete = 0"),
        Index(
            "ix_retained_records_organization_id_project_id_created_at",
            "organization_id",
            "project_id",
            "created_at",
            "id",
        ),
        partial_index("ix_retained_records_erased_at", "erased_at", where="erased_at IS NOT NULL"),
        CLUSTERED,
    )

    id: Mapped[KeyId]
    organization_id: Mapped[Id]
    project_id: Mapped[Id]
    owner_id: Mapped[Id]
    kind: Mapped[Word]
    class_id: Mapped[Word]
    model: Mapped[str] = mapped_column(String(NAME_LENGTH))
    stored: Mapped[Count]
    created_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    policy: Mapped[Id]
    key_file: Mapped[str] = mapped_column(String(KEY_FILE_LENGTH))
    key_slot: Mapped[Count]
    size: Mapped[Count]
    complete: Mapped[Count]
    erased_at: Mapped[MaybeMoment]
    asked_model: Mapped[str] = mapped_column(String(NAME_LENGTH), server_default="")
    end_user: Mapped[str] = mapped_column(String(ID_LENGTH), server_default="")


class RetainedChunk(Base):
    """At most 256 KiB of a record, as AES-256-GCM's ciphertext and tag."""

    __tablename__ = "retained_chunks"

    record_id: Mapped[str] = mapped_column(
        String(ID_LENGTH), ForeignKey("retained_records.id"), primary_key=True
    )
    position: Mapped[KeyNumber]
    part: Mapped[Word]
    ciphertext: Mapped[bytes] = mapped_column(LargeBinary)


class ErasureRow(Base):
    """A request to erase content; it also covers what was under way when it was made.

    `applied_at` is when the rows that it covers had been marked, None until then.
    """

    __tablename__ = "erasures"
    __table_args__ = (
        Index("ix_erasures_organization_id_requested_at", "organization_id", "requested_at"),
        partial_index("ix_erasures_applied_at", "applied_at", where="applied_at IS NULL"),
    )

    id: Mapped[KeyId]
    organization_id: Mapped[Id]
    scope_kind: Mapped[Word]
    scope_id: Mapped[Id]
    requested_at: Mapped[Moment]
    actor: Mapped[Id]
    applied_at: Mapped[MaybeMoment]
    records: Mapped[Count]


class LegalHoldRow(Base):
    """Content of an organization or project that must not be destroyed, until `released_at`."""

    __tablename__ = "legal_holds"
    __table_args__ = (Index("ix_legal_holds_organization_id", "organization_id"),)

    id: Mapped[KeyId]
    organization_id: Mapped[Id]
    scope_kind: Mapped[Word]
    scope_id: Mapped[Id]
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))
    created_by: Mapped[Id]
    created_at: Mapped[Moment]
    released_by: Mapped[MaybeId]
    released_at: Mapped[MaybeMoment]


class DeletionReceiptRow(Base):
    """Proof that records of one organization, project, class and cause are gone.

    `id` counts without gaps; `document` is the whole receipt as canonical JSON, `hash` covers it and
    `previous_hash`.
    """

    __tablename__ = "deletion_receipts"
    __table_args__ = (Index("ix_deletion_receipts_organization_id_id", "organization_id", "id"),)

    id: Mapped[Serial]
    organization_id: Mapped[Id]
    destroyed_at: Mapped[Moment]
    records: Mapped[Count]
    bytes: Mapped[Count]
    document: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[Digest]
    hash: Mapped[Digest]


class SweepRunRow(Base):
    """One run of the sweep that came to its end; chained like receipts."""

    __tablename__ = "sweep_runs"

    id: Mapped[Serial]
    started_at: Mapped[Moment]
    finished_at: Mapped[Moment]
    records: Mapped[Count]
    bytes: Mapped[Count]
    residue: Mapped[Word]
    document: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[Digest]
    hash: Mapped[Digest]
