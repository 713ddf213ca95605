"""Kept content for those who may see it: what has expired, is erased or has no key is not there."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from sqlalchemy import ColumnElement, Select, case, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.retention.clock import wall_clock
from sayso.retention.content import Kind, Retained
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.outstanding import Outstanding
from sayso.retention.sealing import Binding, Part, SealedChunk, unseal
from sayso.retention.tables import RetainedChunk, RetainedRecord

READ_AT_ONCE = 100  # records of one page
PARTS_AT_ONCE = 250  # records of one page of which one part is read


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records of a project. `after` is a record's id; an empty text filters nothing.

    `model` is a snapshot's id, or a name that was asked for.
    """

    kind: Kind | None = None
    stored: bool | None = None
    model: str = ""
    after: str = ""
    limit: int = 20
    order: Literal["asc", "desc"] = "asc"


@dataclass(frozen=True, slots=True)
class RetainedPage:
    """Records in order; `has_more` tells whether others follow, behind `last`, which was looked at last."""

    items: tuple[Retained, ...]
    has_more: bool
    last: str = ""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A record's row with its chunks, as one read found them, and what counts for it now."""

    row: RetainedRecord
    expires_at: int
    erased: bool
    held: bool
    chunks: tuple[SealedChunk, ...]
    only: Part | None = None  # of which alone the ciphertext was read

    @property
    def location(self) -> KeyLocation:
        """Where its key is."""
        return KeyLocation(self.row.key_file, self.row.key_slot)

    @property
    def binding(self) -> Binding:
        """What its ciphertext is bound to."""
        row = self.row
        return Binding(
            row.id,
            row.organization_id,
            row.project_id,
            row.owner_id,
            row.kind,
            row.class_id,
            bool(row.stored),
            row.created_at,
        )


class RetentionReader:
    """Reads what is kept. Every method raises `StorageUnavailable`, and `ContentAltered` for tampering."""

    def __init__(self, db: Database, keys: KeyStore, *, clock: Callable[[], int] = wall_clock) -> None:
        self._db = db
        self._keys = keys
        self._clock = clock

    async def get(self, organization_id: OrgId, project_id: ProjectId, record_id: str) -> Retained:
        """Return one record of a project. Raises `ObjectNotFound`."""
        return (await self.get_sealed(organization_id, project_id, record_id))[0]

    async def get_sealed(
        self, organization_id: OrgId, project_id: ProjectId, record_id: str
    ) -> tuple[Retained, Sealed]:
        """Return one record of a project, and as the database has it. Raises `ObjectNotFound`."""
        async with self._db.read() as session:
            query = _of_project(organization_id, project_id).where(RetainedRecord.id == record_id)
            found = await self._visible(session, organization_id, list(await session.scalars(query)))
        if not (opened := await self.open(found)):
            raise ObjectNotFound(f"There is no content '{record_id}'.")
        return opened[0], found[0]

    async def page(
        self, organization_id: OrgId, project_id: ProjectId, wanted: Wanted, *, only: Part | None = None
    ) -> RetainedPage:
        """Return records of a project by the moment of their making; with `only`, that part of them.

        Raises `ObjectNotFound` for `after`.
        """
        limit = min(wanted.limit, READ_AT_ONCE if only is None else PARTS_AT_ONCE)
        query = _filtered(_of_project(organization_id, project_id), wanted)
        async with self._db.read() as session:
            if wanted.after:
                cursor = await session.get(RetainedRecord, wanted.after)
                place = (organization_id, project_id)
                if cursor is None or (cursor.organization_id, cursor.project_id) != place:
                    raise ObjectNotFound(f"There is no content '{wanted.after}'.")
                query = query.where(_beyond(cursor, wanted.order))
            query = query.where(RetainedRecord.expires_at > self._clock())
            rows = list(await session.scalars(query.limit(limit + 1)))
            found = await self._visible(session, organization_id, rows[:limit], only)
        shown = tuple(await self.open(found))
        return RetainedPage(shown, len(rows) > limit, rows[:limit][-1].id if rows else "")

    async def some(
        self, organization_id: OrgId, project_id: ProjectId, record_ids: Sequence[str]
    ) -> list[Retained]:
        """Return those of these records that there are, in their order."""
        query = _of_project(organization_id, project_id).where(RetainedRecord.id.in_(record_ids))
        async with self._db.read() as session:
            found = await self._visible(session, organization_id, list(await session.scalars(query)))
        opened = {one.record_id: one for one in await self.open(found)}
        return [opened[one] for one in record_ids if one in opened]

    async def open(self, sealed: Sequence[Sealed]) -> list[Retained]:
        """Decrypt records; those whose keys are gone are left out."""
        return await asyncio.to_thread(lambda: [one for each in sealed if (one := self._opened(each))])

    async def _visible(
        self,
        session: AsyncSession,
        organization_id: OrgId,
        rows: Sequence[RetainedRecord],
        only: Part | None = None,
    ) -> list[Sealed]:
        outstanding = await Outstanding.load(session, organization_id)
        sealed = await read_sealed(session, rows, outstanding, only)
        now = self._clock()
        return [one for one in sealed if one.expires_at > now and not one.erased]

    def _opened(self, sealed: Sealed) -> Retained | None:
        key = self._keys.key(sealed.location)
        if key is None:
            return None
        row = sealed.row
        return Retained(
            row.id,
            OrgId(row.organization_id),
            ProjectId(row.project_id),
            row.owner_id,
            row.kind,
            row.model,
            row.created_at,
            sealed.expires_at,
            bool(row.stored),
            sealed.held,
            row.end_user,
            unseal(key, sealed.binding, sealed.chunks, sealed.only),
        )


async def read_sealed(
    session: AsyncSession,
    rows: Sequence[RetainedRecord],
    outstanding: Outstanding,
    only: Part | None = None,
) -> list[Sealed]:
    """Return records with their chunks; with `only`, without the ciphertext of other parts."""
    ids = [row.id for row in rows]
    chunks: dict[str, list[SealedChunk]] = {}
    ciphertext: ColumnElement[bytes] = RetainedChunk.ciphertext.expression
    if only is not None:
        ciphertext = case((RetainedChunk.part == only, ciphertext), else_=literal(b""))
    columns = select(RetainedChunk.record_id, RetainedChunk.position, RetainedChunk.part, ciphertext)
    ordered = columns.order_by(RetainedChunk.record_id, RetainedChunk.position)
    for record_id, position, part, content in await session.execute(
        ordered.where(RetainedChunk.record_id.in_(ids))
    ):
        chunks.setdefault(record_id, []).append(SealedChunk(position, cast("Part", part), content))
    return [
        Sealed(
            row,
            outstanding.expires_at(row),
            outstanding.erased(row),
            outstanding.held(row),
            tuple(chunks.get(row.id, ())),
            only,
        )
        for row in rows
    ]


def _of_project(organization_id: OrgId, project_id: ProjectId) -> Select[RetainedRecord]:
    return select(RetainedRecord).where(
        RetainedRecord.organization_id == organization_id,
        RetainedRecord.project_id == project_id,
        RetainedRecord.complete == 1,
        RetainedRecord.erased_at.is_(None),
    )


def _filtered(query: Select[RetainedRecord], wanted: Wanted) -> Select[RetainedRecord]:
    if wanted.kind is not None:
        query = query.where(RetainedRecord.kind == wanted.kind)
    if wanted.stored is not None:
        query = query.where(RetainedRecord.stored == int(wanted.stored))
    if wanted.model:
        query = query.where(
            (RetainedRecord.model == wanted.model) | (RetainedRecord.asked_model == wanted.model)
        )
    columns = (RetainedRecord.created_at, RetainedRecord.id)
    return query.order_by(*(c.asc() if wanted.order == "asc" else c.desc() for c in columns))


def _beyond(cursor: RetainedRecord, order: Literal["asc", "desc"]) -> ColumnElement[bool]:
    ours = tuple_(RetainedRecord.created_at, RetainedRecord.id)
    theirs = tuple_(literal(cursor.created_at), literal(cursor.id))
    return ours > theirs if order == "asc" else ours < theirs
