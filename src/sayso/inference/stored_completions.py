"""Chat completions that requests asked to store, for the project whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, cast

import orjson

from sayso.core.caller import Caller
from sayso.core.chat import JsonObject
from sayso.errors import ObjectNotFound
from sayso.inference.exchange import canonical
from sayso.retention.clock import wall_clock
from sayso.retention.content import Retained
from sayso.retention.erasure import request_erasure
from sayso.retention.reading import READ_AT_ONCE, Wanted
from sayso.retention.replacing import replace_parts
from sayso.retention.sealing import Part
from sayso.retention.service import Retention


@dataclass(frozen=True, slots=True)
class StoredCompletion:
    """One of them; `request` and `answer` are as `Exchange` hands them over."""

    id: str
    snapshot: str
    request: JsonObject = field(repr=False)
    answer: JsonObject = field(repr=False)
    metadata: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which of them, from which on. `model` is the name asked for or the snapshot; empty: all."""

    model: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str])
    after: str = ""
    limit: int = 20
    order: Literal["asc", "desc"] = "asc"

    def takes(self, found: StoredCompletion) -> bool:
        """Return whether it is asked for."""
        if self.model and self.model not in (found.answer.get("model"), found.snapshot):
            return False
        return all(found.metadata.get(name) == value for name, value in self.metadata.items())


async def find_stored(retention: Retention, caller: Caller, completion_id: str) -> StoredCompletion:
    """Return one. Raises `ObjectNotFound`, for a stranger's as well."""
    try:
        record = await retention.reader.get(caller.org_id, caller.project_id, completion_id)
    except ObjectNotFound:
        raise _unknown(completion_id) from None
    if record.kind != "chat" or not record.stored:
        raise _unknown(completion_id)
    return _read(record)


async def list_stored(
    retention: Retention, caller: Caller, wanted: Filter
) -> tuple[list[StoredCompletion], bool]:
    """Return those that are asked for, and whether there are more; none after an unknown id.

    What a filter asks about is encrypted, so filtering reads all of the project's.
    """
    found: list[StoredCompletion] = []
    after = wanted.after
    at_once = READ_AT_ONCE if wanted.model or wanted.metadata else min(wanted.limit + 1, READ_AT_ONCE)
    while True:
        part = Wanted(kind="chat", stored=True, after=after, limit=at_once, order=wanted.order)
        try:
            page = await retention.reader.page(caller.org_id, caller.project_id, part)
        except ObjectNotFound:
            return [], False
        found += (one for one in map(_read, page.items) if wanted.takes(one))
        if len(found) > wanted.limit:
            return found[: wanted.limit], True
        if not page.has_more or not page.items:
            return found, False
        after = page.items[-1].record_id


async def change_metadata(
    retention: Retention, caller: Caller, completion_id: str, metadata: Mapping[str, str]
) -> StoredCompletion:
    """Replace one's metadata; what it said before can be read by nobody.

    Raises `ObjectNotFound`, and `InvalidRequest` for what a legal hold covers.
    """
    await find_stored(retention, caller, completion_id)
    parts: dict[Part, bytes] = {"metadata": canonical(metadata)}
    changed = await replace_parts(
        retention.database, retention.keys, caller.org_id, caller.project_id, completion_id, parts
    )
    return _read(changed)


async def delete_stored(retention: Retention, caller: Caller, completion_id: str) -> None:
    """Erase one: hidden on return, destroyed at once by the sweep. Raises `ObjectNotFound`."""
    await find_stored(retention, caller, completion_id)
    async with retention.database.transaction() as session:
        await request_erasure(
            session,
            organization_id=caller.org_id,
            scope_kind="record",
            scope_id=completion_id,
            actor=caller.user_id or caller.service_account_id or caller.key_id,
            now=wall_clock(),
        )
    retention.sweeper.wake()


def _read(record: Retained) -> StoredCompletion:
    read = {name: orjson.loads(part) for name, part in record.parts.items()}
    metadata = cast("dict[str, str]", read["metadata"])
    return StoredCompletion(record.record_id, record.model, read["request"], read["answer"], metadata)


def _unknown(completion_id: str) -> ObjectNotFound:
    return ObjectNotFound(f"Chat completion with id '{completion_id}' not found.")
