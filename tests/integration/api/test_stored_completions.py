"""Stored completions through OpenAI's own client, on both databases."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from sqlalchemy import delete, func, select, update

from sayso.errors import StorageUnavailable
from sayso.retention.key_store import KeyLocation
from sayso.retention.legal_holds import place_hold
from sayso.retention.tables import RetainedChunk, RetainedRecord
from tests.integration.api.kept_world import ORG, KeptWorld, kept_world, parts
from tests.postgresql_server import PostgresqlServer

MODEL = "gpt-3.5-turbo"
SAY: Any = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": [{"type": "text", "text": "one two"}, {"type": "text", "text": "three"}]},
]
LOOK: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
CALLED: Any = {"id": "call_1", "type": "function", "function": {"name": "look", "arguments": "{}"}}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
async def kept(request: pytest.FixtureRequest, make_world: Any, tmp_path: Path) -> AsyncGenerator[KeptWorld]:
    url = f"sqlite:///{tmp_path / 'sayso.db'}"
    if request.param == "postgresql":
        server: PostgresqlServer = request.getfixturevalue("postgresql_server")
        url = server.new_database()
    async with kept_world(make_world(), url, tmp_path) as kept:
        yield kept


@pytest.fixture
async def client(kept: KeptWorld) -> AsyncGenerator[AsyncOpenAI]:
    async with (
        kept.world.serve() as url,
        AsyncOpenAI(
            api_key="sk-test", base_url=url, _strict_response_validation=True, max_retries=0
        ) as client,
    ):
        yield client


async def stored(client: AsyncOpenAI, **more: Any) -> Any:
    return await client.chat.completions.create(model=MODEL, messages=SAY, store=True, **more)


def shown(completion: Any) -> dict[str, Any]:
    """A completion without what only stored ones have."""
    return {name: value for name, value in completion.to_dict().items() if name != "metadata"}


async def test_what_is_stored_comes_back_as_it_was_answered(client: AsyncOpenAI) -> None:
    completions = client.chat.completions
    for more in (
        {"n": 2, "logprobs": True, "top_logprobs": 2, "metadata": {"a": "1"}},
        {"tools": LOOK, "tool_choice": "required"},
        {"functions": [LOOK[0]["function"]], "function_call": {"name": "look"}},
    ):
        made = await stored(client, **more)
        found = await completions.retrieve(made.id)
        assert shown(found) == made.to_dict()
        assert found.to_dict()["metadata"] == more.get("metadata", {})
    listed = [one async for one in completions.list()]
    assert len(listed) == 3
    assert listed[-1] == found


async def test_a_streamed_one_is_stored_before_its_last_frame(kept: KeptWorld, client: AsyncOpenAI) -> None:
    stream = await stored(client, stream=True)
    async with stream:
        chunks = [chunk async for chunk in stream]
    found = await client.chat.completions.retrieve(chunks[0].id)
    assert (found.created, found.choices[0].message.content) == (chunks[0].created, "one two\nthree")
    async with kept.database.read() as session:
        assert await session.scalar(select(func.count()).select_from(RetainedRecord)) == 1


async def test_lists_are_paged_and_filtered(client: AsyncOpenAI) -> None:
    completions = client.chat.completions
    made = [await stored(client, metadata={"n": str(n), "even": str(n % 2 == 0)}) for n in range(5)]
    ids = [one.id for one in made]
    other = await completions.create(model="fake-chat", messages=SAY, store=True)
    await completions.create(model=MODEL, messages=SAY)  # which nobody asked to store
    assert [one.id async for one in completions.list(limit=2)] == [*ids, other.id]
    assert [one.id async for one in completions.list(limit=2, order="desc")] == [other.id, *ids[::-1]]
    page = await completions.list(after=ids[1], limit=2)
    assert ([one.id for one in page.data], page.has_more) == (ids[2:4], True)
    even = completions.list(metadata={"even": "True"}, limit=1)
    assert [one.id async for one in even] == ids[::2]
    assert [one.id async for one in completions.list(metadata={"even": "True", "n": "2"})] == [ids[2]]
    assert [one.id async for one in completions.list(model=MODEL)] == ids
    assert [one.id async for one in completions.list(model="none")] == []
    assert (await completions.list(after="chatcmpl-none", metadata={"foo": "bar"}, limit=0)).data == []
    with pytest.raises(openai.BadRequestError):
        await completions.list(limit=101)


async def test_a_filter_looks_behind_what_has_gone(
    kept: KeptWorld, client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sayso.inference.stored_completions.READ_AT_ONCE", 2)
    monkeypatch.setattr("sayso.inference.stored_completions.PARTS_AT_ONCE", 2)
    made = [await stored(client, metadata={"n": str(n), "all": "yes"}) for n in range(6)]
    ids = [one.id for one in made]
    async with kept.database.read() as session:
        rows = [await session.get_one(RetainedRecord, one) for one in ids[2:4]]
    kept.retention.keys.destroy([KeyLocation(row.key_file, row.key_slot) for row in rows])
    everything = client.chat.completions.list(metadata={"all": "yes"}, limit=3)
    assert [one.id async for one in everything] == [*ids[:2], *ids[4:]]
    assert [one.id async for one in client.chat.completions.list(metadata={"n": "5"})] == [ids[5]]
    # Another part that somebody has taken out shows, although it is not decrypted.
    async with kept.database.transaction() as session:
        answer = (RetainedChunk.record_id == ids[0]) & (RetainedChunk.part == "answer")
        await session.execute(delete(RetainedChunk).where(answer))
    with pytest.raises(openai.InternalServerError):
        await client.chat.completions.list(metadata={"n": "5"})


async def test_metadata_is_replaced_and_the_old_is_gone(kept: KeptWorld, client: AsyncOpenAI) -> None:
    completions = client.chat.completions
    made = await stored(client, metadata={"a": "1"})
    (before,) = await kept.kept(stored=True)
    changed = await completions.update(made.id, metadata={"b": "2"})
    assert changed.to_dict()["metadata"] == {"b": "2"}
    assert shown(changed) == made.to_dict()
    (after,) = await kept.kept(stored=True)
    assert (parts(after)["metadata"], after.expires_at) == ({"b": "2"}, before.expires_at)
    assert (await completions.update(made.id, metadata=None)).to_dict()["metadata"] == {}
    with pytest.raises(openai.BadRequestError) as refused:
        await completions.update(made.id, metadata={"a": "x" * 513})
    assert refused.value.param == "metadata"


async def test_metadata_under_a_legal_hold_stays(kept: KeptWorld, client: AsyncOpenAI) -> None:
    made = await stored(client)
    async with kept.database.transaction() as session:
        await place_hold(
            session, organization_id=ORG, project_id=None, reason="a court", actor="user_1", now=1
        )
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.update(made.id, metadata={})
    assert refused.value.code == "legal_hold"


async def test_deleting_one_is_at_once(kept: KeptWorld, client: AsyncOpenAI) -> None:
    completions = client.chat.completions
    made, left = await stored(client), await stored(client)
    gone = await completions.delete(made.id)
    assert gone.to_dict() == {"id": made.id, "object": "chat.completion.deleted", "deleted": True}
    for again in (completions.retrieve(made.id), completions.delete(made.id)):
        with pytest.raises(openai.NotFoundError):
            await again
    assert [one.id async for one in completions.list()] == [left.id]
    await kept.retention.sweeper.sweep()
    async with kept.database.read() as session:
        assert await session.get(RetainedRecord, made.id) is None


async def test_the_messages_that_one_answered(client: AsyncOpenAI) -> None:
    history: Any = [*SAY, {"role": "assistant", "tool_calls": [CALLED]}]
    history.append({"role": "tool", "tool_call_id": "call_1", "content": "seen"})
    made = await client.chat.completions.create(model=MODEL, messages=history, store=True)
    lenient = client.with_options()
    lenient._strict_response_validation = False  # whose types know assistants alone
    messages = lenient.chat.completions.messages
    found = [one.to_dict() async for one in messages.list(made.id, limit=3)]
    assert [one["id"] for one in found] == [f"{made.id}-{n}" for n in range(4)]
    assert [one["role"] for one in found] == ["system", "user", "assistant", "tool"]
    assert [one["content"] for one in found] == ["Be brief.", "one two\nthree", None, "seen"]
    assert found[2]["tool_calls"] == [CALLED]
    parts = [{"type": "text", "text": "one two"}, {"type": "text", "text": "three"}]
    assert [one["content_parts"] for one in found] == [None, parts, None, None]
    assert found[3]["tool_call_id"] == "call_1"
    page = await messages.list(made.id, after=f"{made.id}-1", limit=1, order="asc")
    assert ([one.id for one in page.data], page.has_more) == ([f"{made.id}-2"], True)
    with pytest.raises(openai.NotFoundError):
        await messages.list("chatcmpl-none")


async def test_nobody_elses_and_nothing_that_was_not_stored_is_found(
    kept: KeptWorld, client: AsyncOpenAI
) -> None:
    completions = client.chat.completions
    theirs = await stored(client)
    unasked = await completions.create(model=MODEL, messages=SAY)
    await kept.kept()
    async with kept.database.transaction() as session:
        mine = update(RetainedRecord).where(RetainedRecord.id == theirs.id)
        await session.execute(mine.values(project_id="proj_2"))
    answers = []
    for one in (theirs.id, unasked.id, "chatcmpl-none"):
        for ask in (
            completions.retrieve(one),
            completions.update(one, metadata={}),
            completions.delete(one),
            completions.messages.list(one),
        ):
            with pytest.raises(openai.NotFoundError) as missing:
                await ask
            answers.append(missing.value.message.replace(one, "ID"))
    assert len(set(answers)) == 1


@pytest.mark.parametrize("stream", [False, True])
async def test_zero_retention_forces_store_off_and_says_so(
    kept: KeptWorld, client: AsyncOpenAI, stream: bool
) -> None:
    raw = client.chat.completions.with_raw_response
    allowed: Any = await raw.create(model=MODEL, messages=SAY, store=True, stream=stream)
    assert "x-sayso-stored" not in allowed.headers
    await kept.ask_for("stored_only")
    allowed = await raw.create(model=MODEL, messages=SAY, store=True, stream=stream)
    assert "x-sayso-stored" not in allowed.headers
    await kept.ask_for("zero")
    refused: Any = await raw.create(model=MODEL, messages=SAY, store=True, stream=stream)
    assert refused.headers["x-sayso-stored"] == "false"
    assert "x-sayso-stored" not in (await raw.create(model=MODEL, messages=SAY)).headers
    assert await kept.kept() == ()


async def test_what_can_not_be_stored_is_not_answered_as_if_it_were(
    kept: KeptWorld, client: AsyncOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise StorageUnavailable

    monkeypatch.setattr(type(kept.retention.store), "store", away)
    with pytest.raises(openai.InternalServerError):
        await stored(client)
    assert [event.outcome for event in kept.world.ledger.events] == ["failed"]
    with pytest.raises(openai.APIError):
        async for _ in await stored(client, stream=True):
            pass
