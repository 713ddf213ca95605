"""Chat and completions end to end: refusals as statuses, failures in a stream, clients that leave."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import orjson
import pytest

from sayso.core.chat import ChatEvent, ChatRequest, ChoiceFinished, Finished, Started, TextDelta
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo
from sayso.engines.fake import Script
from sayso.inference.metering import ChatUsageEvent

CHAT = "/v1/chat/completions"
BODY: dict[str, Any] = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "one two three"}]}


def chunks(response: httpx.Response) -> list[Any]:
    assert response.headers["content-type"].startswith("text/event-stream")
    return [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]


async def test_whole_and_streamed_agree(make_world: Any) -> None:
    world = make_world()
    async with world.client() as client:
        whole = (await client.post(CHAT, json={**BODY, "n": 2})).json()
        options = {"stream": True, "stream_options": {"include_usage": True}}
        *found, usage, done = chunks(await client.post(CHAT, json={**BODY, "n": 2, **options}))
    assert done == "[DONE]"
    texts = {0: "", 1: ""}
    for chunk in map(orjson.loads, found):
        choice = chunk["choices"][0]
        texts[choice["index"]] += choice["delta"].get("content") or ""
    assert [texts[0], texts[1]] == [choice["message"]["content"] for choice in whole["choices"]]
    assert orjson.loads(usage)["usage"] == whole["usage"]
    assert whole["usage"]["completion_tokens"] == 6
    assert whole["model"] == "gpt-3.5-turbo"
    assert whole["system_fingerprint"] == "fp_fake"
    assert [event.usage for event in world.ledger.events] == [TokenUsage(3, 6)] * 2


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("script", "fields", "status", "code"),
    [
        ({"refuse": "overloaded"}, {}, 503, "server_is_overloaded"),
        ({"refuse": "unavailable"}, {}, 503, None),
        ({}, {"max_tokens": 100_000}, 400, "context_length_exceeded"),
        ({}, {"logit_bias": {"1": 5}}, 400, "unsupported_parameter"),
        ({}, {"model": "whisper-1"}, 400, "model_not_supported"),
        ({}, {"model": "nothing"}, 404, "model_not_found"),
    ],
)
async def test_a_refusal_is_a_status_even_of_a_stream(
    make_world: Any, stream: bool, script: dict[str, Any], fields: dict[str, Any], status: int, code: str
) -> None:
    world = make_world(script=Script(**script))
    async with world.client() as client:
        response = await client.post(CHAT, json={**BODY, **fields, "stream": stream})
    assert response.status_code == status
    assert response.headers["content-type"] == "application/json"
    assert response.json()["error"]["code"] == code
    assert ("retry-after" in response.headers) == (status == 503)
    assert world.ledger.events == []


async def test_an_engine_that_fails(make_world: Any) -> None:
    world = make_world(script=Script(fail_after=2))
    async with world.client() as client:
        assert (await client.post(CHAT, json=BODY)).status_code == 500
        response = await client.post(CHAT, json={**BODY, "stream": True})
    assert response.status_code == 200
    *rest, last = chunks(response)
    assert orjson.loads(last)["error"]["type"] == "server_error"
    assert set(orjson.loads(last)["error"]) == {"message", "type", "param", "code"}
    assert "[DONE]" not in rest
    assert [event.outcome for event in world.ledger.events] == ["failed", "failed"]
    assert world.ledger.events[1].usage.completion_tokens == 2


async def call(app: Any, path: str, body: dict[str, Any], gone: asyncio.Event) -> list[Any]:
    """Send one request straight to the application; the client leaves when `gone` is set."""
    request: list[Any] = [{"type": "http.request", "body": orjson.dumps(body), "more_body": False}]
    sent: list[Any] = []

    async def receive() -> Any:
        if request:
            return request.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope(path), receive, send)
    return sent


def scope(path: str) -> dict[str, Any]:
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"authorization", b"Bearer sk-test")],
    }


@pytest.mark.parametrize("starts", [True, False])
@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("path", [CHAT, "/v1/completions"])
async def test_a_client_that_leaves_frees_the_engine_at_once(
    make_world: Any, endless: Any, path: str, stream: bool, starts: bool
) -> None:
    engine, gone = endless, asyncio.Event()
    engine.starts = starts
    world = make_world(chat=engine)
    body = {"model": "gpt-3.5-turbo", "stream": stream}
    body |= {"messages": BODY["messages"]} if path == CHAT else {"prompt": "p"}
    answering = asyncio.create_task(call(world.app, path, body, gone))
    await asyncio.wait_for(engine.reached.wait(), 5)
    gone.set()
    await asyncio.wait_for(engine.closed.wait(), 0.5)
    await asyncio.wait_for(answering, 0.5)
    assert world.metrics.requests == [("POST", path, 499)]
    settled = [(event.usage, event.outcome) for event in world.ledger.events]
    assert settled == ([(TokenUsage(3, 1), "disconnected")] if starts else [])


async def test_a_shutdown_settles_what_runs(make_world: Any, endless: Any) -> None:
    engine = endless
    world = make_world(chat=engine)
    answering = asyncio.create_task(call(world.app, CHAT, {**BODY, "stream": True}, asyncio.Event()))
    await asyncio.wait_for(engine.reached.wait(), 5)
    answering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await answering
    assert engine.closed.is_set()
    (event,) = world.ledger.events
    assert isinstance(event, ChatUsageEvent)
    assert (event.usage, event.outcome) == (TokenUsage(3, 1), "disconnected")


async def test_tools_forced_and_of_2023(make_world: Any) -> None:
    function = {"name": "look", "parameters": {"type": "object", "properties": {}}}
    async with make_world().client() as client:
        fields: dict[str, Any] = {
            "tools": [{"type": "function", "function": function}],
            "tool_choice": "required",
        }
        choice = (await client.post(CHAT, json={**BODY, **fields})).json()["choices"][0]
        assert choice["finish_reason"] == "tool_calls"
        assert choice["message"]["content"] is None
        assert choice["message"]["tool_calls"][0]["function"] == {"name": "look", "arguments": "{}"}
        fields = {"functions": [function], "function_call": {"name": "look"}}
        choice = (await client.post(CHAT, json={**BODY, **fields})).json()["choices"][0]
        assert choice["message"]["function_call"] == {"name": "look", "arguments": "{}"}
        assert "tool_calls" not in choice["message"]


async def test_completions(make_world: Any) -> None:
    async with make_world().client() as client:
        body = {"model": "gpt-3.5-turbo", "prompt": ["one two", "x"], "n": 2, "logprobs": 0}
        whole = (await client.post("/v1/completions", json=body)).json()
        assert [choice["index"] for choice in whole["choices"]] == [0, 1, 2, 3]
        assert whole["choices"][0]["logprobs"]["tokens"] == ["one", " two"]
        response = await client.post("/v1/completions", json={**body, "stream": True})
        assert chunks(response)[-1] == "[DONE]"


async def test_extras_by_setting(make_world: Any) -> None:
    async with make_world().client() as client:
        assert (await client.post(CHAT, json={**BODY, "top_k": 5})).is_success
    async with make_world(vendor_extras="reject").client() as client:
        response = await client.post(CHAT, json={**BODY, "top_k": 5})
    assert response.json()["error"]["code"] == "unknown_parameter"
    assert response.json()["error"]["param"] == "top_k"


async def test_a_client_that_leaves_before_the_first_byte(make_world: Any, endless: Any) -> None:
    """The status itself is stuck in a full socket when the client goes: nothing has read the events yet."""
    world, stuck = make_world(chat=endless), asyncio.Event()
    body = orjson.dumps({**BODY, "stream": True})
    messages: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await stuck.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        stuck.set()
        await asyncio.Event().wait()

    await asyncio.wait_for(world.app(scope(CHAT), receive, send), 5)
    assert endless.closed.is_set()
    assert [event.outcome for event in world.ledger.events] == ["disconnected"]


class SpokenEngine:
    """Says what it is given, empty pieces and all."""

    def __init__(self, *texts: str) -> None:
        self._texts = texts

    async def info(self) -> EngineInfo:
        return EngineInfo("fp")

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        yield Started(1)
        for text in self._texts:
            yield TextDelta(0, text)
        yield ChoiceFinished(0, "stop")
        yield Finished(TokenUsage(1, 1))


async def test_empty_pieces_make_no_chunks(make_world: Any) -> None:
    world = make_world(chat=SpokenEngine("", "a", ""))
    async with world.client() as client:
        found = chunks(await client.post(CHAT, json={**BODY, "stream": True}))
    assert len(found) == 4  # the role, the text, the end, [DONE]
