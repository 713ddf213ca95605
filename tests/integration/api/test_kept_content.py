"""What is said over HTTP is kept as the policy says, whichever way a request ends, and never in its way."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest

from sayso.core.chat import ChatRequest, Message
from sayso.engines.fake import Script
from sayso.errors import QuotaExceeded, StorageUnavailable
from sayso.ids import new_request_id
from sayso.inference.admission import Origin
from sayso.inference.chat import run_chat
from sayso.retention.tables import RetainedRecord
from tests.integration.api.conftest import CALLER
from tests.integration.api.kept_world import KeptWorld, kept_world, parts

CHAT = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "one two three"}]}
COMPLETION = {"model": "gpt-3.5-turbo", "prompt": "one two"}
SPEECH = b"PCM" + bytes(32_000)


@pytest.fixture
async def kept(make_world: Any, database_url: str, tmp_path: Path) -> AsyncGenerator[KeptWorld]:
    async with kept_world(make_world(), database_url, tmp_path) as kept:
        yield kept


@pytest.fixture
async def local(make_world: Any, tmp_path: Path) -> AsyncGenerator[KeptWorld]:
    """On SQLite alone: for what does not depend on the database."""
    async with kept_world(make_world(), f"sqlite:///{tmp_path / 'sayso.db'}", tmp_path) as kept:
        yield kept


def speech(**fields: str) -> dict[str, Any]:
    return {"data": {"model": "whisper-1", **fields}, "files": {"file": ("a.wav", SPEECH)}}


async def test_every_endpoint_that_hears_or_says_something_is_kept(kept: KeptWorld) -> None:
    async with kept.client() as client:
        chat = await client.post("/v1/chat/completions", json=CHAT)
        streamed = await client.post("/v1/chat/completions", json=CHAT | {"stream": True})
        completion = await client.post("/v1/completions", json=COMPLETION)
        heard = await client.post("/v1/audio/transcriptions", **speech(language="de"))
        translated = await client.post("/v1/audio/translations", **speech())
        detected = await client.post("/v1/audio/languages", **speech())
    answers = (chat, streamed, completion, heard, translated, detected)
    assert [answer.status_code for answer in answers] == [200] * 6
    records = await kept.kept()
    assert [record.kind for record in records] == [
        *("chat", "chat", "completion", "transcription", "translation", "detection")
    ]
    assert records[0].record_id == chat.json()["id"]
    assert records[1].record_id in streamed.text
    assert records[2].record_id == completion.json()["id"]
    assert [record.record_id for record in records[3:]] == [
        answer.headers["x-request-id"] for answer in answers[3:]
    ]
    assert {(record.owner_id, record.stored) for record in records} == {("key_1", False)}
    assert {record.model for record in records} == {"fake-chat", "fake-speech"}
    for record in records[:2]:
        said = parts(record)
        assert said["request"]["messages"][0]["content"] == "one two three"
        assert said["answer"]["choices"] == [{"finish_reason": "stop", "index": 0, "text": "one two three"}]
        assert said["answer"]["usage"]["completion_tokens"] == 3
    assert parts(records[2])["request"]["prompts"] == ["one two"]
    assert [parts(record)["audio"] for record in records[3:]] == [SPEECH] * 3
    assert parts(records[3])["request"]["language"] == "de"
    assert parts(records[3])["answer"]["segments"]
    assert parts(records[5])["answer"]["languages"]


async def test_tool_calls_are_kept(local: KeptWorld) -> None:
    tools = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]
    async with local.client() as client:
        answer = await client.post(
            "/v1/chat/completions", json=CHAT | {"tools": tools, "tool_choice": "required"}
        )
    (record,) = await local.kept()
    (choice,) = parts(record)["answer"]["choices"]
    wire = answer.json()["choices"][0]["message"]["tool_calls"]
    assert choice["tool_calls"] == [{"id": wire[0]["id"], **wire[0]["function"]}]
    assert parts(record)["request"]["tools"][0]["name"] == "look"


async def test_who_leaves_early_has_kept_what_there_was(
    make_world: Any, endless: Any, tmp_path: Path
) -> None:
    async with kept_world(make_world(chat=endless), f"sqlite:///{tmp_path / 'sayso.db'}", tmp_path) as kept:
        services = kept.world.services
        route = await services.router.chat("fake-chat")
        request = _chat_request()
        exchange = await kept.keeper.begin(CALLER, "chat", "chatcmpl-1", "fake-chat", request)
        origin = Origin(CALLER, new_request_id(), "chat.completions")
        events = run_chat(route, origin, request, services.ledger, exchange, salts=services.cache_salts)
        async with aclosing(events):
            await anext(events)
            await anext(events)
        (record,) = await kept.kept()
        assert parts(record)["answer"] == {"choices": [{"finish_reason": None, "index": 0, "text": "word"}]}


async def test_what_breaks_off_is_kept_and_what_is_refused_is_not(make_world: Any, tmp_path: Path) -> None:
    world = make_world(script=Script(fail_after=2))
    async with kept_world(world, f"sqlite:///{tmp_path / 'sayso.db'}", tmp_path) as kept:
        async with kept.client() as client:
            assert (await client.post("/v1/chat/completions", json=CHAT)).status_code >= 500
            (record,) = await kept.kept()
            assert parts(record)["answer"]["choices"][0]["text"].strip() == "one two"

            async def refuse(_: Any) -> Any:
                raise QuotaExceeded("no money")

            kept.world.ledger.reserve = refuse
            assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 429
            assert (await client.post("/v1/audio/transcriptions", **speech())).status_code == 429
            assert (await client.post("/v1/chat/completions", json={"model": "x"})).status_code >= 400
        assert await kept.kept() == (record,)


async def test_zero_retention_keeps_nothing_not_even_in_memory(
    kept: KeptWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with kept.client() as client:
        await client.post("/v1/chat/completions", json=CHAT)  # whose policy is known from then on
        assert len(await kept.kept()) == 1
        await kept.ask_for("zero")
        handed: list[Any] = []
        monkeypatch.setattr(type(kept.retention.store), "_enqueue", lambda self, one: handed.append(one))
        begun: list[Any] = []
        monkeypatch.setattr("sayso.inference.keeping.Exchange", lambda *a: begun.append(a))
        for path, json in (("/v1/chat/completions", CHAT | {"store": True}), ("/v1/completions", COMPLETION)):
            assert (await client.post(path, json=json)).status_code == 200
        for path in ("transcriptions", "translations", "languages"):
            assert (await client.post(f"/v1/audio/{path}", **speech())).status_code == 200
        await asyncio.sleep(0)
    assert (handed, begun) == ([], [])
    async with kept.database.read() as session:
        assert len((await session.execute(RetainedRecord.__table__.select())).all()) == 1


async def test_a_policy_that_tightens_while_an_answer_runs_is_obeyed(local: KeptWorld) -> None:
    exchange = await local.keeper.begin(CALLER, "chat", "chatcmpl-1", "fake-chat", _chat_request())
    assert exchange is not None
    await local.ask_for("zero")
    exchange.keep()
    await asyncio.sleep(0)
    assert await local.kept() == ()


async def test_a_fault_of_the_store_is_not_the_requests(
    local: KeptWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> Any:
        raise StorageUnavailable

    def broken(*_: Any) -> Any:
        raise RuntimeError

    faults: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
    async with local.client() as client:
        assert (await client.post("/v1/completions", json=COMPLETION)).status_code == 200
        monkeypatch.setattr(type(local.retention.store), "keep", broken)
        assert (await client.post("/v1/completions", json=COMPLETION)).status_code == 200
        local.keeper.forget()
        monkeypatch.setattr(type(local.retention.store), "policy", away)
        assert (await client.post("/v1/completions", json=COMPLETION)).status_code == 200
    assert len(faults) == 1


async def test_the_operator_who_keeps_nothing_has_nothing_done(make_world: Any) -> None:
    world = make_world()
    assert world.services.keeper is None
    async with world.client() as client:
        assert (await client.post("/v1/chat/completions", json=CHAT)).status_code == 200


def _chat_request() -> ChatRequest:
    return ChatRequest("fake-chat", (Message("user", "one two three"),))
