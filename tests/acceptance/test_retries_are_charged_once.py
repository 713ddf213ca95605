"""What OpenAI's client repeats by itself is charged as often as the engine worked, and no more."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from openai import APIConnectionError, AsyncOpenAI, ConflictError, OpenAI, RateLimitError

from tests.acceptance.commands import new_admin_key
from tests.acceptance.cutting_proxy import Cut, CuttingProxy
from tests.acceptance.running_server import RunningServer
from tests.acceptance.server_books import TOKEN, Charged, EngineCounter, NewHolds, charged, rows

WORDS = 12
MESSAGES: Any = [{"role": "user", "content": " ".join(["word"] * WORDS)}]
LONG: Any = [{"role": "user", "content": " ".join(["word"] * 60)}]
ONCE = 2 * WORDS * TOKEN  # the engine repeats the prompt

OpenProxy = Callable[..., Any]


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client's defaults but for the seconds that it waits between its attempts."""
    monkeypatch.setattr(openai._base_client, "INITIAL_RETRY_DELAY", 0.01)
    assert openai.DEFAULT_MAX_RETRIES == 2


@asynccontextmanager
async def through(
    server: RunningServer, *cuts: Cut, key: str | None = None
) -> AsyncIterator[tuple[AsyncOpenAI, CuttingProxy]]:
    """OpenAI's client as it comes, behind a proxy."""
    port = urlsplit(server.base_url).port
    assert port is not None
    async with (
        CuttingProxy(port, *cuts) as proxy,
        AsyncOpenAI(base_url=proxy.base_url, api_key=key or server.key) as client,
    ):
        yield client, proxy


def paid_for(server: RunningServer, holds: NewHolds, attempts: int) -> list[Charged]:
    """Return a row for each attempt, under an id of its own."""
    return [charged(server, request_id) for request_id in holds.take(attempts)]


@pytest.mark.parametrize("behind", [0, 30, 600], ids=["before the first byte", "in the head", "in the body"])
async def test_a_repeated_answer_is_charged_as_often_as_it_was_generated(
    fake_server: RunningServer, behind: int
) -> None:
    holds = NewHolds(fake_server)
    with EngineCounter(fake_server) as counter:
        async with through(fake_server, Cut(behind), Cut(behind)) as (client, proxy):
            answer = await client.chat.completions.with_raw_response.create(model="fast", messages=MESSAGES)
            paid = await asyncio.to_thread(paid_for, fake_server, holds, 3)
            counter.until_idle()
        print(f"{proxy.requests} attempts, {counter.now // WORDS} generations, {len(paid)} charges")
        assert proxy.requests == 3
        assert counter.now == 3 * WORDS == sum(row.completion_tokens for row in paid)
    assert [(row.outcome, row.charge) for row in paid] == [("completed", ONCE)] * 3
    assert answer.headers["x-request-id"] == paid[-1].request_id
    assert len({row.request_id for row in paid}) == 3


async def test_an_attempt_that_was_cut_while_it_was_generated_costs_what_was_generated(
    fake_server: RunningServer,
) -> None:
    holds = NewHolds(fake_server)
    with EngineCounter(fake_server) as counter:

        async def five_tokens() -> None:
            await asyncio.to_thread(counter.until, 5)

        async with through(fake_server, Cut(1 << 30, five_tokens)) as (client, proxy):
            await client.chat.completions.create(model="slow", messages=LONG)
            first, second = await asyncio.to_thread(paid_for, fake_server, holds, 2)
            counter.until_idle()
        assert proxy.requests == 2
        print(f"charged {first.completion_tokens} and {second.completion_tokens} tokens of {counter.now}")
        assert first.completion_tokens + second.completion_tokens == counter.now
    assert (first.outcome, second.outcome) == ("disconnected", "completed")
    assert 5 <= first.completion_tokens < second.completion_tokens == 60


async def test_a_stream_that_is_cut_is_not_repeated_and_costs_what_was_generated(
    fake_server: RunningServer,
) -> None:
    holds = NewHolds(fake_server)
    seen: list[str] = []

    async def read(stream: Any) -> None:
        async for chunk in stream:
            seen.extend(choice.delta.content for choice in chunk.choices if choice.delta.content)

    with EngineCounter(fake_server) as counter:
        async with through(fake_server, Cut(2_000)) as (client, proxy):
            stream = await client.chat.completions.create(model="slow", messages=LONG, stream=True)
            with pytest.raises((APIConnectionError, httpx.TransportError)) as broken:
                await read(stream)
            (paid,) = await asyncio.to_thread(paid_for, fake_server, holds, 1)
            counter.until_idle()
        assert proxy.requests == 1
        assert paid.completion_tokens == counter.now
    print(f"{type(broken.value).__name__} after {len(seen)} tokens, charged {paid.completion_tokens} of 60")
    assert (paid.outcome, paid.charge) == ("disconnected", (60 + paid.completion_tokens) * TOKEN)
    assert 1 <= len(seen) <= paid.completion_tokens < 60


async def test_under_one_idempotency_key_all_attempts_are_one_charge(fake_server: RunningServer) -> None:
    holds = NewHolds(fake_server)
    with EngineCounter(fake_server) as counter:
        async with through(fake_server, Cut(), Cut()) as (client, proxy):
            with pytest.raises(ConflictError) as refused:
                await client.chat.completions.create(
                    model="fast", messages=MESSAGES, extra_headers={"Idempotency-Key": "cut-1"}
                )
            (paid,) = await asyncio.to_thread(paid_for, fake_server, holds, 1)
            counter.until_idle()
        assert counter.now == WORDS
    assert proxy.requests == 3
    assert refused.value.code == "idempotency_replay_unavailable"
    assert refused.value.response.headers["x-should-retry"] == "false"
    assert paid.charge == ONCE


async def test_a_spent_budget_is_asked_once(fake_server: RunningServer) -> None:
    key = poor_key(fake_server)
    before = rows(fake_server, "SELECT count(*) FROM usage_events")
    async with through(fake_server, key=key) as (client, proxy):
        with pytest.raises(RateLimitError) as refused:
            await client.chat.completions.create(model="fast", messages=MESSAGES, n=2)
        assert proxy.requests == 1
        assert refused.value.code == "insufficient_quota"
        assert refused.value.response.headers["x-should-retry"] == "false"
        await client.chat.completions.create(model="fast", messages=MESSAGES)
    assert rows(fake_server, "SELECT count(*) FROM usage_events") == [(before[0][0] + 1,)]


def poor_key(server: RunningServer) -> str:
    """Return the key of a project that may spend a cent: 5,000 tokens."""
    admin_key = new_admin_key(server.folder, "poor")
    with OpenAI(api_key="", admin_api_key=admin_key, base_url=server.base_url) as admin:
        projects = admin.admin.organization.projects
        project = projects.create(name="Poor")
        projects.spend_limit.update(project.id, threshold_amount=1, currency="USD", interval="month")
        made = projects.service_accounts.create(project.id, name="robot").api_key
    assert made is not None
    return made.value
