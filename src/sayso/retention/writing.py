"""What the group writer does with sealed content: the policy is read in the transaction that writes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import BindParameter, Connection, bindparam, insert, select, update

from sayso.db.prepared import Prepared
from sayso.retention.classes import CONTENT
from sayso.retention.clock import DAY
from sayso.retention.content import Content, Kept, NotKept
from sayso.retention.erasure import ErasureMark, subjects_of
from sayso.retention.key_store import KeyLocation
from sayso.retention.policies import in_force, newest_versions
from sayso.retention.sealing import SealedChunk
from sayso.retention.tables import ErasureRow, RetainedChunk, RetainedRecord

ERASURES_LOOK_BACK = DAY  # longer than any request lasts


@dataclass(frozen=True, slots=True)
class Begin:
    """Write a record with its first chunks; `complete` where there are no more."""

    content: Content
    location: KeyLocation
    chunks: Sequence[SealedChunk] = field(repr=False)
    complete: bool


@dataclass(frozen=True, slots=True)
class Append:
    """Write more chunks of a record; `complete` with the last ones."""

    content: Content
    location: KeyLocation
    chunks: Sequence[SealedChunk] = field(repr=False)
    complete: bool


WriteOperation: TypeAlias = Begin | Append
Written: TypeAlias = Kept | NotKept


def must_be_durable(operation: WriteOperation) -> bool:
    """Tell what a caller was promised: what it asked to store."""
    return operation.content.stored


class ContentWriter:
    """Writes what the policy in force at that moment allows, with the expiry that follows from it."""

    def __init__(self, ceiling_days: int, clock: Callable[[], int]) -> None:
        self._ceiling_days = ceiling_days
        self._clock = clock

    def __call__(
        self, connection: Connection, operations: Sequence[WriteOperation]
    ) -> Sequence[Written | Exception]:
        """Apply `operations` in order."""
        contents = [one.content for one in operations]
        scopes = {one.organization_id for one in contents} | {one.project_id for one in contents}
        newest = newest_versions(connection, scopes)
        erasures = self._erasures(connection, {one.organization_id for one in contents})
        open_records = _open_records(connection, [one for one in operations if isinstance(one, Append)])
        records: list[dict[str, object]] = []
        chunks: list[dict[str, object]] = []
        results: list[Written | Exception] = []
        completed: list[str] = []
        for operation in operations:
            content = operation.content
            policy, name = in_force(newest, content.organization_id, content.project_id, self._ceiling_days)
            expires_at = policy.expires_at(content.created_at, stored=content.stored)
            subjects = subjects_of(content)
            erased = any(one.covers(subjects, content.created_at) for one in erasures)
            refused = expires_at <= self._clock() or erased
            if refused or (isinstance(operation, Append) and content.record_id not in open_records):
                results.append(NotKept())
                continue
            if isinstance(operation, Begin):
                records.append(_record_row(operation, expires_at, name))
            elif operation.complete:
                completed.append(content.record_id)
            chunks += (_chunk_row(content.record_id, chunk) for chunk in operation.chunks)
            results.append(Kept(expires_at))
        _INSERT_RECORDS.run(connection, [tuple(row[name] for name in _RECORD) for row in records])
        _INSERT_CHUNKS.run(connection, [tuple(row[name] for name in _CHUNK) for row in chunks])
        if completed:
            done = update(RetainedRecord).where(RetainedRecord.id.in_(completed))
            connection.execute(done.values(complete=1))
        return results

    def _erasures(self, connection: Connection, organization_ids: set[str]) -> list[ErasureMark]:
        since = self._clock() - ERASURES_LOOK_BACK
        found = connection.execute(_ERASURES, {"organizations": list(organization_ids), "since": since})
        return [ErasureMark(*row) for row in found]


_RECORD = [column.name for column in RetainedRecord.__table__.columns]
_CHUNK = [column.name for column in RetainedChunk.__table__.columns]
_INSERT_RECORDS = Prepared(lambda _: insert(RetainedRecord), _RECORD)
_INSERT_CHUNKS = Prepared(lambda _: insert(RetainedChunk), _CHUNK)
_ORGANIZATIONS: BindParameter[Sequence[str]] = bindparam("organizations", expanding=True)
_SINCE: BindParameter[int] = bindparam("since")
_ERASURES = select(
    ErasureRow.organization_id, ErasureRow.scope_kind, ErasureRow.scope_id, ErasureRow.requested_at
).where(
    ErasureRow.organization_id.in_(_ORGANIZATIONS),
    ErasureRow.requested_at >= _SINCE,
    ErasureRow.scope_kind != "record",
)


def _open_records(connection: Connection, appends: Sequence[Append]) -> set[str]:
    """Return which of these records still wait for chunks: a sweep may have taken one meanwhile."""
    if not appends:
        return set()
    wanted = {(one.content.record_id, one.location.file, one.location.slot) for one in appends}
    found = connection.execute(
        select(RetainedRecord.id, RetainedRecord.key_file, RetainedRecord.key_slot).where(
            RetainedRecord.id.in_([record_id for record_id, *_ in wanted]),
            RetainedRecord.complete == 0,
            RetainedRecord.erased_at.is_(None),
        )
    )
    return {row[0] for row in found if tuple(row) in wanted}


def _record_row(begin: Begin, expires_at: int, policy: str) -> dict[str, object]:
    content = begin.content
    return {
        "id": content.record_id,
        "organization_id": content.organization_id,
        "project_id": content.project_id,
        "owner_id": content.owner_id,
        "kind": content.kind,
        "class_id": CONTENT,
        "model": content.model,
        "stored": int(content.stored),
        "created_at": content.created_at,
        "expires_at": expires_at,
        "policy": policy,
        "key_file": begin.location.file,
        "key_slot": begin.location.slot,
        "size": content.size,
        "complete": int(begin.complete),
        "erased_at": None,
        "asked_model": content.asked_model,
        "end_user": content.end_user,
    }


def _chunk_row(record_id: str, chunk: SealedChunk) -> dict[str, object]:
    return {
        "record_id": record_id,
        "position": chunk.position,
        "part": chunk.part,
        "ciphertext": chunk.ciphertext,
    }
