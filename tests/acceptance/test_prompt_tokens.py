"""The prompt tokens that are charged are those of the model's template and tokenizer, counted by another."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.prompt_oracle import PromptOracle
from tests.acceptance.running_server import RunningServer
from tests.acceptance.server_books import TOKEN, charged
from tests.acceptance.varied_chats import varied_chat, varied_text

AT_ONCE = 8


@pytest.fixture(scope="module")
def oracle(smollm2_folder: Path) -> PromptOracle:
    (weights,) = smollm2_folder.glob("*.gguf")
    return PromptOracle.load(weights)


@pytest.fixture
async def http(server: RunningServer) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"authorization": f"Bearer {server.key}"}
    async with httpx.AsyncClient(base_url=server.base_url, headers=headers, timeout=60) as made:
        yield made


async def post(http: httpx.AsyncClient, path: str, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Ask for one token at most; return the request's id and usage."""
    body = {"model": "gpt-3.5-turbo", "temperature": 0, "max_tokens": 1, **body}
    answer = await http.post(path, json=body)
    assert answer.status_code == 200, answer.text
    usage: dict[str, Any] = answer.json()["usage"]
    return answer.headers["x-request-id"], usage


async def count_chats(
    server: RunningServer, http: httpx.AsyncClient, oracle: PromptOracle, seeds: range
) -> None:
    wrong: list[tuple[int, int, int]] = []
    tokens = 0
    left = iter(seeds)

    async def client() -> None:
        nonlocal tokens
        for seed in left:
            body = varied_chat(seed)
            request_id, usage = await post(http, "/chat/completions", body)
            counted = oracle.chat(body)
            paid = charged(server, request_id)
            assert (paid.prompt_tokens, paid.completion_tokens) == (
                usage["prompt_tokens"],
                usage["completion_tokens"],
            )
            assert paid.charge == (paid.prompt_tokens + paid.completion_tokens) * TOKEN
            tokens += counted
            if usage["prompt_tokens"] != counted:
                wrong.append((seed, usage["prompt_tokens"], counted))

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    print(f"{len(seeds)} chats, {tokens} prompt tokens, {len(wrong)} counted otherwise")
    assert wrong == []
    assert "settled_over_hold" not in server.log


async def test_forty_varied_chats_are_charged_the_tokens_of_their_prompts(
    server: RunningServer, http: httpx.AsyncClient, oracle: PromptOracle
) -> None:
    await count_chats(server, http, oracle, range(40))


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_thousand_varied_chats_are_charged_the_tokens_of_their_prompts(
    server: RunningServer, http: httpx.AsyncClient, oracle: PromptOracle
) -> None:
    await count_chats(server, http, oracle, range(1_000, 2_000))


async def test_completions_are_charged_the_tokens_of_all_their_prompts(
    server: RunningServer, http: httpx.AsyncClient, oracle: PromptOracle
) -> None:
    chance = random.Random(14)
    bodies: list[tuple[Any, int]] = [("", 1), ([1, 504, 338], 3), ([[5, 6], [7]], 3)]
    for _ in range(20):
        texts = [varied_text(chance) for _ in range(chance.randrange(1, 4))]
        bodies.append((texts, sum(map(oracle.text, texts))))
    for prompt, counted in bodies:
        request_id, usage = await post(http, "/completions", {"prompt": prompt})
        assert usage["prompt_tokens"] == counted == charged(server, request_id).prompt_tokens, prompt


async def test_a_warm_prefix_is_reported_and_costs_the_same(
    server: RunningServer, http: httpx.AsyncClient, oracle: PromptOracle
) -> None:
    body = {"messages": [{"role": "user", "content": "A prefix that no other test has begun with. " * 30}]}
    cold_id, cold = await post(http, "/chat/completions", body)
    warm_id, warm = await post(http, "/chat/completions", body)
    cached = warm["prompt_tokens_details"]["cached_tokens"]
    first, second = charged(server, cold_id), charged(server, warm_id)
    print(f"{warm['prompt_tokens']} prompt tokens, {cached} of them cached, {second.charge} nano-dollars")
    assert warm["prompt_tokens"] == cold["prompt_tokens"] == oracle.chat(body)
    assert cached > 200 > cold["prompt_tokens_details"]["cached_tokens"]
    assert second.cached_tokens == cached
    assert first.quantities == second.quantities
