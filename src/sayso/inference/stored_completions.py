"""Chat completions that requests asked to store, for the project whose they are."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, cast

import orjson

from sayso.core.caller import Caller
from sayso.core.chat import JsonObject
from sayso.errors import ObjectNotFound
from sayso.inference.exchange import canonical
from sayso.retention.clock import wall_clock
from sayso.retention.content import Retained
from sayso.retention.erasure import request_erasure
from sayso.retention.reading import PARTS_AT_ONCE, READ_AT_ONCE, Wanted
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
    """Return those that are asked for, and whether there are more; none after an unknown id."""
    part = Wanted("chat", True, wanted.model, wanted.after, wanted.limit, wanted.order)
    place = (caller.org_id, caller.project_id)
    try:
        if wanted.metadata:
            ids, more = await _with_metadata(retention, caller, part, wanted.metadata)
            return [_read(one) for one in await retention.reader.some(*place, ids)], more
        page = await retention.reader.page(*place, part)
    except ObjectNotFound:
        return [], False
    return [_read(one) for one in page.items], page.has_more


async def _with_metadata(
    retention: Retention, caller: Caller, wanted: Wanted, metadata: Mapping[str, str]
) -> tuple[list[str], bool]:
    """Return the ids of up to `wanted.limit` that have this metadata, and whether there are more.

    Metadata is content as any other: nothing outside of the ciphertext tells of it. So the metadata of all
    the project's is decrypted, and nothing else of them.
    """
    found: list[str] = []
    more, after, at_once = True, wanted.after, READ_AT_ONCE
    while more and len(found) <= wanted.limit:
        part, at_once = replace(wanted, after=after, limit=at_once), PARTS_AT_ONCE
        page = await retention.reader.page(caller.org_id, caller.project_id, part, only="metadata")
        for one in page.items:
            said = orjson.loads(one.parts["metadata"])
            if all(said.get(name) == value for name, value in metadata.items()):
                found.append(one.record_id)
        more, after = page.has_more, page.last
    return found[: wanted.limit], len(found) > wanted.limit


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
