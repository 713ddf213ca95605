"""Clients that go away: the work stops, whoever waits behind them goes on."""

import asyncio
import time
from collections.abc import AsyncIterator

import httpx
import pytest
from openai import AsyncOpenAI

from tests.acceptance.running_server import RunningServer, read_metric, until_metric

LONG = {
    "model": "gpt-3.5-turbo",
    "messages": [{"role": "user", "content": "Write a long story about a lighthouse keeper."}],
    "max_tokens": 2000,
    "temperature": 0,
    "logit_bias": {},
}
SNAPSHOT = "smollm2-135m-instruct-q4_1"


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=60) as made:
        yield made


async def idle_again(server: RunningServer, within: float, model: str = SNAPSHOT) -> float:
    """Return how long it took until no request was in flight."""
    return await until_metric(server, "sayso_in_flight", lambda count: count == 0, within, model=model)


async def busy(server: RunningServer, requests: int, model: str = SNAPSHOT) -> None:
    """Wait until so many requests are in flight."""
    await until_metric(server, "sayso_in_flight", lambda count: count >= requests, model=model)


async def completion_tokens(server: RunningServer, model: str = SNAPSHOT) -> float:
    return await read_metric(server, "sayso_completion_tokens_total", model=model)


async def test_a_stream_that_is_cut_frees_its_slot_within_half_a_second(
    server: RunningServer, http: httpx.AsyncClient
) -> None:
    async with http.stream("POST", "/chat/completions", json={**LONG, "stream": True}) as response:
        seen = 0
        async for line in response.aiter_lines():
            seen += line.startswith("data:")
            if seen == 8:
                break
    assert await idle_again(server, within=0.5) <= 0.5


async def test_a_whole_answer_that_is_given_up_frees_its_slot_within_a_second(
    server: RunningServer, http: httpx.AsyncClient
) -> None:
    request = asyncio.create_task(http.post("/chat/completions", json=LONG))
    await busy(server, 1)
    request.cancel()
    with pytest.raises(asyncio.CancelledError):
        await request
    assert await idle_again(server, within=1.0) <= 1.0


async def test_what_was_generated_until_the_cut_is_metered(
    server: RunningServer, http: httpx.AsyncClient
) -> None:
    before = await completion_tokens(server)
    tokens = 0
    async with http.stream("POST", "/chat/completions", json={**LONG, "stream": True}) as response:
        async for line in response.aiter_lines():
            tokens += '"content":"' in line and '"content":""' not in line
            if tokens == 10:
                break
    # It is counted once the engine has said how many there were.
    await until_metric(
        server, "sayso_completion_tokens_total", lambda count: count >= before + 10, model=SNAPSHOT
    )
    metered = await completion_tokens(server) - before
    assert 10 <= metered <= 40  # what was on its way when the socket closed counts too


async def test_others_finish_undisturbed(async_client: AsyncOpenAI, http: httpx.AsyncClient) -> None:
    async def ask() -> str:
        answer = await async_client.chat.completions.create(
            model="gpt-3.5-turbo",
            messages=[{"role": "user", "content": "Name three colours."}],
            temperature=0,
            max_tokens=32,
        )
        return answer.choices[0].message.content or ""

    async def leave() -> None:
        async with http.stream("POST", "/chat/completions", json={**LONG, "stream": True}) as response:
            async for line in response.aiter_lines():
                if '"content":"' in line:
                    return

    alone = await ask()
    answers = await asyncio.gather(ask(), *(leave() for _ in range(6)), ask())
    assert all(isinstance(answer, str) and answer for answer in (answers[0], answers[-1]))
    assert alone.split()[:2] == str(answers[0]).split()[:2]


async def test_a_full_queue_refuses_at_once_and_says_when_to_come_back(fake_server: RunningServer) -> None:
    headers = {"authorization": f"Bearer {fake_server.key}"}
    body = {"model": "slow", "messages": [{"role": "user", "content": "word " * 100}]}
    async with httpx.AsyncClient(base_url=fake_server.base_url, headers=headers, timeout=30) as http:
        accepted = [asyncio.create_task(http.post("/chat/completions", json=body)) for _ in range(6)]
        await busy(fake_server, 6, "slow")
        begun = time.monotonic()
        refused = await http.post("/chat/completions", json=body)
        assert time.monotonic() - begun < 1.0
        assert refused.status_code == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["error"]["code"] == "server_is_overloaded"
        assert {(await task).status_code for task in accepted} == {200}


async def test_who_waits_and_leaves_never_starts(fake_server: RunningServer) -> None:
    headers = {"authorization": f"Bearer {fake_server.key}"}
    body = {"model": "slow", "messages": [{"role": "user", "content": "word " * 60}]}
    async with httpx.AsyncClient(base_url=fake_server.base_url, headers=headers, timeout=30) as http:
        await idle_again(fake_server, 10, "slow")
        before = await completion_tokens(fake_server, "slow")
        running = [asyncio.create_task(http.post("/chat/completions", json=body)) for _ in range(4)]
        await busy(fake_server, 4, "slow")
        waiting = asyncio.create_task(http.post("/chat/completions", json=body))
        await busy(fake_server, 5, "slow")
        waiting.cancel()
        await asyncio.gather(*running)
        await idle_again(fake_server, 10, "slow")
        assert await completion_tokens(fake_server, "slow") - before == 4 * 60
