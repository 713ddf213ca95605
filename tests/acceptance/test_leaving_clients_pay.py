"""A client that leaves pays for its prompt and for every token that the engine counted until it stopped."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.running_server import RunningServer
from tests.acceptance.server_books import SECOND, TOKEN, Charged, EngineCounter, NewHolds, charged, hold_state

MOST = 24
STORY = "Write a long story about a lighthouse keeper."
CHAT: dict[str, Any] = {
    "model": "gpt-3.5-turbo",
    "messages": [{"role": "user", "content": STORY}],
    "max_tokens": MOST,
    "temperature": 0,
    "stream": True,
    "stream_options": {"include_usage": True, "continuous_usage_stats": True},
}
COMPLETION: dict[str, Any] = {name: value for name, value in CHAT.items() if name != "messages"}
COMPLETION["prompt"] = "Once upon a time there was a lighthouse keeper who"


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=60) as made:
        yield made


async def leave_at(http: httpx.AsyncClient, path: str, body: dict[str, Any], token: int) -> tuple[str, int]:
    """Close the connection with the frame that brings token number `token`; return id and tokens read."""
    read = 0
    async with http.stream("POST", path, json=body) as response:
        assert response.status_code == 200, await response.aread()
        async for line in response.aiter_lines():
            if line.startswith("data: {"):
                read = max(read, json.loads(line[6:])["usage"]["completion_tokens"])
                if read >= token:
                    break
    return response.headers["x-request-id"], read


def check(paid: Charged, counter: EngineCounter) -> None:
    """What is charged is the prompt and what the engine counted, to the token."""
    counter.until_idle()
    assert paid.prompt_tokens > 0
    assert paid.completion_tokens == counter.now
    assert paid.charge == (paid.prompt_tokens + paid.completion_tokens) * TOKEN


@pytest.mark.parametrize("path", ["/chat/completions", "/completions"])
@pytest.mark.parametrize("token", [1, 10, MOST - 1, MOST])
async def test_leaving_at_a_token_costs_what_the_engine_counted(
    server: RunningServer, http: httpx.AsyncClient, path: str, token: int
) -> None:
    with EngineCounter(server) as counter:
        body = CHAT if path.startswith("/chat") else COMPLETION
        request_id, read = await leave_at(http, path, body, token)
        paid = charged(server, request_id)
        check(paid, counter)
    print(f"{path}: left at {token}, read {read}, engine {paid.completion_tokens}, charged {paid.charge}")
    assert token <= read <= paid.completion_tokens <= MOST


async def leave_when(
    http: httpx.AsyncClient, path: str, body: dict[str, Any], counter: EngineCounter, **reached: int
) -> None:
    """Ask, and close the connection once the engine has got that far, whatever has been sent by then."""
    request = asyncio.create_task(http.post(path, json=body))
    await asyncio.to_thread(counter.until, **reached)
    assert not request.done()
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request


@pytest.mark.parametrize("stream", [True, False])
async def test_leaving_before_the_first_token_costs_the_prompt(
    server: RunningServer, http: httpx.AsyncClient, stream: bool
) -> None:
    text = f"{time.time_ns()} " + "The keeper looked at the sea. " * 400
    options = CHAT["stream_options"] if stream else None
    body = {
        **CHAT,
        "messages": [{"role": "user", "content": text}],
        "stream": stream,
        "stream_options": options,
    }
    holds = NewHolds(server)
    with EngineCounter(server) as counter:
        await leave_when(http, "/chat/completions", body, counter, tokens=0, running=1)
        paid = charged(server, *holds.take(1))
        check(paid, counter)
    print(f"stream={stream}: left while the prompt was read, {paid}")
    assert paid.outcome == "disconnected"
    assert paid.completion_tokens <= 1  # on a busy machine the news of the prompt may come late
    assert paid.prompt_tokens > 2_400


async def test_leaving_a_whole_answer_costs_what_the_engine_counted(
    server: RunningServer, http: httpx.AsyncClient
) -> None:
    body = {**CHAT, "stream": False, "stream_options": None, "max_tokens": 2_000}
    holds = NewHolds(server)
    with EngineCounter(server) as counter:
        await leave_when(http, "/chat/completions", body, counter, tokens=10)
        paid = charged(server, *holds.take(1))
        check(paid, counter)
    print(f"nothing read, engine {paid.completion_tokens}, charged {paid.charge}")
    assert paid.outcome == "disconnected"
    assert 10 <= paid.completion_tokens < 2_000


async def test_tokens_that_the_engine_holds_back_are_paid_for(
    server: RunningServer, http: httpx.AsyncClient
) -> None:
    name = "a_function_whose_name_is_long_enough_to_leave_before_it_is_there"
    tool = {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }
    body = {**CHAT, "tools": [tool], "tool_choice": "required", "max_tokens": 200}
    holds = NewHolds(server)
    with EngineCounter(server) as counter:
        await leave_when(http, "/chat/completions", body, counter, tokens=6)
        paid = charged(server, *holds.take(1))
        check(paid, counter)
    assert 6 <= paid.completion_tokens < 200


async def test_of_many_that_leave_in_the_middle_of_a_batch_each_pays_its_own_tokens(
    server: RunningServer, http: httpx.AsyncClient
) -> None:
    bodies = [{**CHAT, "max_tokens": 200, "n": 1 + number % 2} for number in range(12)]
    for number, body in enumerate(bodies):
        body["messages"] = [{"role": "user", "content": f"{STORY} It has {number} cats."}]
    with EngineCounter(server) as counter:
        left = await asyncio.gather(
            *(leave_at(http, "/chat/completions", body, 3 + 5 * n) for n, body in enumerate(bodies))
        )
        paid = [charged(server, request_id) for request_id, _ in left]
        counter.until_idle()
        total = counter.now
    read = [tokens for _, tokens in left]
    print(
        f"12 clients read {sum(read)} tokens, the engine counted {total}: "
        f"{[row.completion_tokens for row in paid]}"
    )
    assert sum(row.completion_tokens for row in paid) == total
    assert all(row.completion_tokens >= tokens for row, tokens in zip(paid, read, strict=True))
    assert all(row.charge == (row.prompt_tokens + row.completion_tokens) * TOKEN for row in paid)


async def test_who_waits_and_leaves_pays_nothing(fake_server: RunningServer) -> None:
    headers = {"authorization": f"Bearer {fake_server.key}"}
    body = {"model": "slow", "messages": [{"role": "user", "content": "word " * 40}], "stream": True}
    holds = NewHolds(fake_server)
    async with httpx.AsyncClient(base_url=fake_server.base_url, headers=headers, timeout=30) as http:
        with EngineCounter(fake_server) as counter:
            running = [asyncio.create_task(http.post("/chat/completions", json=body)) for _ in range(4)]
            await asyncio.to_thread(counter.until, 0, running=4)
            first = holds.take(4)
            waiting = asyncio.create_task(http.post("/chat/completions", json=body))
            (request_id,) = await asyncio.to_thread(holds.take, 1)
            await asyncio.to_thread(counter.until, 0, waiting=1)
            waiting.cancel()
            assert await asyncio.to_thread(hold_state, fake_server, request_id) == "void"
            await asyncio.gather(*running)
            counter.until_idle()
            assert counter.now == 4 * 40
    assert {charged(fake_server, found).charge for found in first} == {2 * 40 * TOKEN}


async def test_speech_that_is_left_costs_all_of_it_from_its_first_words_on(
    server: RunningServer, http: httpx.AsyncClient, recording: Path
) -> None:
    holds = NewHolds(server)
    sound = 6 * await asyncio.to_thread(recording.read_bytes)  # 66 seconds: three windows
    form: dict[str, Any] = {
        "data": {"model": "whisper-1", "stream": "true"},
        "files": {"file": ("a.mp3", sound)},
    }
    early = asyncio.create_task(http.post("/audio/transcriptions", **form))
    (request_id,) = await asyncio.to_thread(holds.take, 1)
    early.cancel()
    assert await asyncio.to_thread(hold_state, server, request_id) == "void"
    async with http.stream("POST", "/audio/transcriptions", **form) as response:
        async for line in response.aiter_lines():
            if "transcript.text.delta" in line:
                break
    paid = charged(server, response.headers["x-request-id"])
    print(f"left after its first words: {paid.audio_milliseconds} ms, charged {paid.charge}")
    assert paid.outcome == "disconnected"
    assert paid.charge == round(paid.audio_milliseconds / 1_000) * SECOND == 66 * SECOND
