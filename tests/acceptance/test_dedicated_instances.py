"""Dedicated instances with the real models: their load is their project's, and nobody else's is theirs.

One core is the instance's and one everybody's: figures are those of a machine with nothing else to do.
"""

import asyncio
import itertools
import json
import re
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import AsyncOpenAI

from sayso.core.cores import usable_cores
from sayso.dedicated.curve import Answer, quantile
from sayso.engines.config import EngineConfig
from tests.acceptance.bare_answers import BareAnswers
from tests.acceptance.bare_neighbours import Neighbours, allowed, bare_neighbours, in_turns
from tests.acceptance.commands import sayso
from tests.acceptance.core_pace import WITHIN_SECONDS, Compared, Paced, paced
from tests.acceptance.dedicated_servers import (
    a_flood,
    ask,
    configure,
    create,
    drive,
    instance_hosts,
    known_to,
    other_key,
    paid_until_now,
    until_status,
    write_settings,
)
from tests.acceptance.first_tokens import ahead_of_others, time_answer
from tests.acceptance.running_server import RunningServer, metric, start_server

pytestmark = [pytest.mark.long, pytest.mark.timeout(600)]

FAKE = """
load_models = ["scripted"]
[aliases]
"gpt-3.5-turbo" = "scripted"
[models.scripted]
kind = "chat"
engine = "fake"
context_length = 4096
"""
CONTEXT = 4_096
EXCLUSIVE_SECONDS = 170
SAMPLES = 25  # answers in a turn
TOKENS = 8
POOL_STREAMS = 8  # at once in the shared pool


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded models, and an instance of the chat model that is called `own`."""
    folder = tmp_path_factory.mktemp("dedicated")
    write_settings(folder)
    running = start_server(folder)
    try:
        create(running, "own", "--context-length", str(CONTEXT), "--memory-mib", "3072")
        yield running
    finally:
        assert running.stop() == 0


@pytest.fixture
def chat_config(smollm2_folder: Path, shared_cache: Path) -> EngineConfig:
    """The chat model, for a pipeline of its own."""
    return EngineConfig(
        "openvino",
        "smollm2",
        smollm2_folder,
        "ab" * 32,
        shared_cache,
        context_length=2048,
        cache_tokens=16_384,
    )


@pytest.fixture
async def client(server: RunningServer) -> AsyncIterator[AsyncOpenAI]:
    """The project that has the instance."""
    async with AsyncOpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as made:
        yield made


@pytest.fixture
async def stranger(server: RunningServer) -> AsyncIterator[AsyncOpenAI]:
    """Another organization."""
    async with AsyncOpenAI(base_url=server.base_url, api_key=other_key(server), max_retries=0) as made:
        yield made


@dataclass(frozen=True, slots=True)
class Slowdown:
    """How much longer a first token, and each after it, take at the 95th percentile."""

    first: float
    token: float

    @classmethod
    def of(cls, compared: Compared[Answer]) -> "Slowdown":
        """Compare answers with nothing else happening and beside a flood."""
        return cls(
            compared.slowdown("first token", lambda one: one.first_seconds),
            compared.slowdown("tokens", lambda one: one.token_seconds),
        )


async def beside_a_flood(
    server: RunningServer, key: str, flooding_key: str, clients: int, neighbours: Neighbours
) -> tuple[Slowdown, Slowdown]:
    """Ask while nothing else happens and while `clients` of another project never pause, in turns.

    Return the server's slowdown, and in the same minutes that of two bare pipelines on the same two cores.
    """
    numbers = itertools.count(10_000)

    async def ask_on() -> list[Paced[Answer]]:
        with ahead_of_others() as place:
            asks = (
                partial(time_answer, server.base_url, key, number, TOKENS)
                for number in itertools.islice(numbers, SAMPLES)
            )
            return [await paced(neighbours.core, place, one) for one in asks]

    def ask_bare() -> list[Paced[Answer]]:
        answers: list[Paced[Answer]] = neighbours.timed.ask(
            "answers", list(itertools.islice(numbers, SAMPLES)), TOKENS
        )
        return answers

    print()
    flood = partial(a_flood, server, flooding_key, clients)
    served, bare = await in_turns(neighbours, ask_on, ask_bare, flood)
    return Slowdown.of(served), Slowdown.of(bare)


def assert_left_alone(served: Slowdown, bare: Slowdown) -> None:
    """At most a tenth longer than alone, or than what the two cores do to each other by themselves."""
    assert served.first <= allowed(bare.first)
    assert served.token <= allowed(bare.token)


@pytest.mark.timeout(WITHIN_SECONDS + 200)
async def test_a_flood_on_the_shared_pool_leaves_the_instance_alone(
    server: RunningServer, chat_config: EngineConfig
) -> None:
    configure(server, 4, "queue", "--queue-depth", "100", "--max-wait-ms", "60000")
    with bare_neighbours(BareAnswers, chat_config, usable_cores()[-1], streams=POOL_STREAMS) as neighbours:
        # Three times what the pool has room for.
        assert_left_alone(*await beside_a_flood(server, server.key, other_key(server), 48, neighbours))


@pytest.mark.timeout(WITHIN_SECONDS + 200)
async def test_a_flood_on_the_instance_leaves_the_shared_pool_alone(
    server: RunningServer, chat_config: EngineConfig
) -> None:
    configure(server, 4, "queue", "--queue-depth", "100", "--max-wait-ms", "60000")
    with bare_neighbours(BareAnswers, chat_config, usable_cores()[0], streams=4) as neighbours:
        assert_left_alone(*await beside_a_flood(server, other_key(server), server.key, 12, neighbours))


def test_the_curve_rises_and_can_be_measured_again(server: RunningServer) -> None:
    configure(server, 16, "queue", "--queue-depth", "100", "--max-wait-ms", "60000")
    curves = [curve(server) for _ in range(2)]
    for levels in curves:
        assert [one["concurrency"] for one in levels] == [1, 2, 4, 8, 16]
        for lower, higher in pairwise(levels):
            assert higher["tokens_per_second"] >= 0.95 * lower["tokens_per_second"]
            assert higher["token_p50"] >= 0.95 * lower["token_p50"]
    for one, again in zip(*curves, strict=True):
        assert again["tokens_per_second"] == pytest.approx(one["tokens_per_second"], rel=0.15)


def curve(server: RunningServer) -> list[dict[str, Any]]:
    """Measure the curve as an operator does."""
    levels: list[dict[str, Any]] = sayso(server.folder, "instances", "curve", "own", "--tokens", "48")
    print("\n" + json.dumps(levels))
    assert list(server.folder.glob("curve-inst_*.svg"))
    return levels


async def test_a_change_of_the_gate_is_there_within_a_second_and_fails_nobody(
    server: RunningServer, client: AsyncOpenAI
) -> None:
    configure(server, 1, "queue", "--queue-depth", "100", "--max-wait-ms", "60000")
    driving = asyncio.create_task(drive(client, 8, 60, 16, first=2_000))
    await asyncio.sleep(2)
    await asyncio.to_thread(sayso, server.folder, "instances", "update", "own", "--max-concurrency", "8")
    replies = await driving
    assert {one.status for one in replies} == {200}


async def test_the_longest_context_at_the_full_concurrency(
    server: RunningServer, client: AsyncOpenAI, stranger: AsyncOpenAI
) -> None:
    configure(server, 4, "queue", "--queue-depth", "100", "--max-wait-ms", "600000")
    words = 610  # numbers of five digits, about six tokens each
    numbers = range(1_000, 1_004)
    replies = await asyncio.gather(*(ask(client, one, 64, words=words) for one in numbers))
    usage = await asyncio.gather(*(prompt_tokens(client, one, words) for one in numbers))
    print(f"\nprompts of {usage} tokens")
    assert min(usage) + 64 >= 0.9 * CONTEXT
    assert {one.status for one in replies} == {200}
    assert (await ask(stranger, 1_000, 64, words=words)).status == 400


async def prompt_tokens(client: AsyncOpenAI, number: int, words: int) -> int:
    text = " ".join(str(number * 31 + word * 7) for word in range(words))
    answer = await client.chat.completions.create(
        model="gpt-3.5-turbo", messages=[{"role": "user", "content": text}], max_tokens=1
    )
    assert answer.usage is not None
    return answer.usage.prompt_tokens


async def test_what_is_refused_hears_when_there_is_room(server: RunningServer, client: AsyncOpenAI) -> None:
    configure(server, 1, "reject")
    for number in range(3):  # the gate gets to know the model
        await ask(client, 3_000 + number, 48)
    errors, refusals = [], []
    for number in range(8):
        running = asyncio.create_task(ask(client, 3_100 + number, 96))
        await asyncio.sleep(0.4 + 0.1 * number)
        refused = await ask(client, 3_200 + number)
        told = time.perf_counter()
        assert refused.status == 429
        await running
        real = time.perf_counter() - told
        errors.append(refused.retry_after / real - 1)
        refusals.append(refused.seconds)
        print(
            f"\nrefused in {refused.seconds * 1e3:.0f} ms ({refused.processing * 1e3:.0f} ms in the server), "
            f"told {refused.retry_after:.2f} s, was {real:.2f} s"
        )
    assert max(refusals) <= 0.05
    assert quantile([abs(one) for one in errors], 0.7) <= 0.2


async def test_nobody_waits_longer_than_is_set(server: RunningServer, client: AsyncOpenAI) -> None:
    configure(server, 1, "queue", "--queue-depth", "4", "--max-wait-ms", "1000")
    running = asyncio.create_task(ask(client, 4_000, 512))
    await asyncio.sleep(0.5)
    refused = await ask(client, 4_001)
    assert refused.status == 429
    assert refused.seconds == pytest.approx(1.0, abs=0.1)
    assert (await running).status == 200


async def test_what_spills_over_is_marked(server: RunningServer, client: AsyncOpenAI) -> None:
    configure(server, 1, "spill")
    replies = await drive(client, 4, 12, first=5_000)
    assert {one.status for one in replies} == {200}
    assert {bool(one.instance) for one in replies if not one.spilled} == {True}
    assert any(one.spilled for one in replies)
    assert not any(one.instance for one in replies if one.spilled)


async def test_a_thousand_requests_through_a_change_of_hosts(
    server: RunningServer, client: AsyncOpenAI
) -> None:
    configure(server, 8, "queue", "--queue-depth", "100", "--max-wait-ms", "60000")
    before = instance_hosts(server)
    begun = time.time()
    paid = await paid_until_now(server, "own")
    driving = asyncio.create_task(drive(client, 8, 1_000, 4, first=6_000))
    await asyncio.sleep(2)
    await asyncio.to_thread(configure, server, 8, "queue", "--max-batch-tokens", "1024")
    replies = await driving
    assert {one.status for one in replies} == {200}
    assert {one.spilled for one in replies} == {False}
    assert all(one.instance for one in replies)
    assert not before & instance_hosts(server)
    driven = time.time() - begun
    assert await paid_until_now(server, "own") - paid == pytest.approx(driven, abs=2)


def test_an_instance_that_its_memory_is_too_small_for_fails_with_the_reason_and_frees_its_share(
    server: RunningServer,
) -> None:
    sayso(server.folder, "instances", "drain", "own")
    until_status(server, "own", "stopped")
    options = ("--cores", "1", "--context-length", "8192", "--memory-mib", "600")
    sayso(server.folder, "instances", "delete", "own")
    made = sayso(server.folder, "instances", "create", "small", "--model", "gpt-3.5-turbo", *options)
    found = _until_failed(server, made["id"])
    assert "MiB" in found["failure"]
    sayso(server.folder, "instances", "delete", "small")
    create(server, "own", "--context-length", str(CONTEXT), "--memory-mib", "3072")


def _until_failed(server: RunningServer, instance: str) -> dict[str, Any]:
    until = time.monotonic() + 60
    while True:
        found: dict[str, Any] = sayso(server.folder, "instances", "show", instance)
        if found["status"] == "failed":
            return found
        assert time.monotonic() < until
        time.sleep(0.2)


async def test_the_engine_of_an_instance_sees_no_request_of_others(server: RunningServer) -> None:
    configure(server, 4, "queue", "--queue-depth", "100", "--max-wait-ms", "60000")
    (own,) = instance_hosts(server)
    others = [host for host in server.all_hosts() if host != own]
    foreign, mine = other_key(server), server.key
    end = time.monotonic() + EXCLUSIVE_SECONDS
    asked = 0
    async with httpx.AsyncClient(timeout=60) as http:
        while time.monotonic() < end:
            theirs, ours = await asyncio.gather(
                _ids(http, server, foreign, 400, 16), _ids(http, server, mine, 20, 2)
            )
            asked += len(theirs)
            # A host remembers the latest thousand requests that it was given.
            assert await asyncio.to_thread(known_to, own, theirs) == set()
            assert await asyncio.to_thread(known_to, own, ours) == set(ours)
            pools = [await asyncio.to_thread(known_to, host, theirs) for host in others]
            assert set().union(*pools) == set(theirs)
    print(f"\n{asked} requests of others, none of them on the instance")


async def _ids(
    http: httpx.AsyncClient, server: RunningServer, key: str, count: int, concurrency: int
) -> list[str]:
    """Ask for one token so many times; return the ids of the requests."""
    headers = {"authorization": f"Bearer {key}"}
    numbers = iter(range(count))
    found: list[str] = []

    async def one() -> None:
        for number in numbers:
            messages = [{"role": "user", "content": f"Hi {number}"}]
            body = {"model": "gpt-3.5-turbo", "max_tokens": 1, "messages": messages}
            answer = await http.post(f"{server.base_url}/chat/completions", json=body, headers=headers)
            assert answer.status_code == 200, answer.text
            found.append(answer.headers["x-request-id"])

    await asyncio.gather(*(one() for _ in range(concurrency)))
    return found


async def test_ten_thousand_requests_of_others_never_reach_an_instance(tmp_path: Path) -> None:
    write_settings(tmp_path, FAKE)
    server = start_server(tmp_path)
    try:
        made = create(server, "own")
        body = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}
        headers = {"authorization": f"Bearer {other_key(server)}"}
        numbers = iter(range(10_000))

        async def one(http: httpx.AsyncClient) -> None:
            for _ in numbers:
                answer = await http.post(f"{server.base_url}/chat/completions", json=body, headers=headers)
                assert answer.status_code == 200
                assert "x-sayso-instance" not in answer.headers

        async with httpx.AsyncClient() as http:
            await asyncio.gather(*(one(http) for _ in range(8)))
            mine = {"authorization": f"Bearer {server.key}"}
            for _ in range(3):
                answer = await http.post(f"{server.base_url}/chat/completions", json=body, headers=mine)
                assert answer.headers["x-sayso-instance"] == made["id"]
            page = (await http.get(f"{server.root_url}/metrics")).text
        assert metric(page, "sayso_time_to_first_token_seconds_count", model=made["id"]) == 3
        assert len(re.findall(rf'instance_id["=: ]+{made["id"]}', server.log_with(made["id"]))) <= 10
    finally:
        assert server.stop() == 0
