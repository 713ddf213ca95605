"""Requests of a project that has a dedicated instance, over HTTP: who answers, what is said of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import pytest
from openai import AsyncOpenAI

from sayso.api.application import create_api
from sayso.catalog.catalogue import Catalogue
from sayso.core.caller import Caller
from sayso.dedicated.configuration import Configuration, Share
from sayso.dedicated.fleet import Fleet
from sayso.dedicated.load import LoadSettings
from sayso.engines.fake import FakeEngine, Script
from sayso.ids import KeyId, OrgId, ProjectId
from sayso.inference.routing import Router
from tests.integration.api.conftest import ALIASES, CALLER, CHAT, KEY, SPEECH, MakeWorld, World
from tests.integration.api.kept_world import kept_world
from tests.integration.dedicated.instances import fakes, fleet, instance, until

URL = "/v1/chat/completions"
BODY = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "one two three"}], "max_tokens": 5}
LOAD = LoadSettings(1, 512, 0, 0, "reject")
CONFIGURATION = Configuration(CHAT.id, Share(1, 512), 1_024, LOAD)
STRANGERS = {
    "sk-other-project": Caller(OrgId("org_1"), ProjectId("proj_2"), KeyId("key_2")),
    "sk-other-org": Caller(OrgId("org_2"), ProjectId("proj_3"), KeyId("key_3")),
}


@dataclass
class Setup:
    """A world whose first project has an instance; the shared pool has a context of its own."""

    world: World
    fleet: Fleet
    pool: FakeEngine

    async def busy(self, client: httpx.AsyncClient) -> "asyncio.Task[httpx.Response]":
        """Let a request run that fills the instance."""
        running = self.fleet.find("proj_1", CHAT.id)
        assert running is not None
        task = asyncio.create_task(client.post(URL, json=BODY))
        await until(lambda: running.entrance.running == 1)
        return task


@asynccontextmanager
async def setup(
    make_world: MakeWorld,
    folder: Path,
    load: LoadSettings = LOAD,
    *,
    pool_context: int = 4_096,
    token_seconds: float = 0.0,
) -> AsyncIterator[Setup]:
    pool = FakeEngine(Script(), context_length=pool_context, fingerprint="fp_pool")
    async with fleet(folder, fakes(folder, token_seconds=token_seconds)) as (made, _):
        await made.provision(instance(replace(CONFIGURATION, load=load, context_length=2_048)))
        world = make_world(pool)
        router = Router(Catalogue((CHAT, SPEECH), ALIASES), {CHAT.id: pool}, {}, made)

        async def authenticate(presented: str) -> Caller:
            return CALLER if presented == KEY else STRANGERS[presented]

        services = replace(world.services, router=router, authenticate=authenticate)
        yield Setup(replace(world, services=services, app=create_api(services)), made, pool)


async def test_the_instance_answers_its_project_and_its_time_has_paid(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    async with setup(make_world, tmp_path) as made, made.world.client() as client:
        response = await client.post(URL, json=BODY)
        assert response.headers["x-sayso-instance"] == "inst_1"
        assert "x-sayso-spilled" not in response.headers
        assert response.json()["system_fingerprint"] != "fp_pool"
        assert made.pool.generated == 0
        assert [one.instance_id for one in made.world.ledger.reservations] == ["inst_1"]


@pytest.mark.parametrize("key", STRANGERS)
async def test_others_never_get_there(make_world: MakeWorld, tmp_path: Path, key: str) -> None:
    async with setup(make_world, tmp_path) as made, made.world.client(key) as client:
        for _ in range(10):
            response = await client.post(URL, json=BODY)
            assert response.json()["system_fingerprint"] == "fp_pool"
            assert "x-sayso-instance" not in response.headers
        assert {one.instance_id for one in made.world.ledger.reservations} == {""}


@pytest.mark.parametrize("stream", [False, True])
async def test_what_is_too_much_is_refused_at_once(
    make_world: MakeWorld, tmp_path: Path, *, stream: bool
) -> None:
    async with setup(make_world, tmp_path, token_seconds=0.2) as made, made.world.client() as client:
        running = await made.busy(client)
        begun = asyncio.get_running_loop().time()
        refused = await client.post(URL, json={**BODY, "stream": stream})
        assert asyncio.get_running_loop().time() - begun < 0.05
        assert refused.status_code == 429
        assert refused.json()["error"]["code"] == "instance_overloaded"
        assert refused.headers["x-should-retry"] == "true"
        assert 1 <= int(refused.headers["retry-after-ms"]) < 60_000
        assert int(refused.headers["retry-after"]) >= 1
        assert (await running).status_code == 200
        assert len(made.world.ledger.reservations) == 1  # the refused one was never held
        assert (await client.post(URL, json=BODY)).status_code == 200


@pytest.mark.parametrize("stream", [False, True])
async def test_what_spills_over_is_marked_and_costs_the_normal_price(
    make_world: MakeWorld, tmp_path: Path, *, stream: bool
) -> None:
    load = replace(LOAD, overflow="spill")
    async with setup(make_world, tmp_path, load, token_seconds=0.2) as made, made.world.client() as client:
        running = await made.busy(client)
        spilled = await client.post(URL, json={**BODY, "stream": stream})
        assert spilled.status_code == 200
        assert spilled.headers["x-sayso-spilled"] == "true"
        assert "x-sayso-instance" not in spilled.headers
        assert "fp_pool" in spilled.text
        assert (await running).headers["x-sayso-instance"] == "inst_1"
        assert [one.instance_id for one in made.world.ledger.reservations] == ["inst_1", ""]


async def test_what_the_pools_context_may_not_hold_does_not_spill(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    load = replace(LOAD, overflow="spill")
    async with (
        setup(make_world, tmp_path, load, token_seconds=0.2, pool_context=256) as made,
        made.world.client() as client,
    ):
        running = await made.busy(client)
        long = {**BODY, "messages": [{"role": "user", "content": "word " * 300}]}
        assert (await client.post(URL, json=long)).status_code == 429
        await running
        assert (await client.post(URL, json=long)).status_code == 200
    async with made.world.client("sk-other-project") as stranger:
        refused = await stranger.post(URL, json=long)
        assert refused.json()["error"]["code"] == "context_length_exceeded"


@pytest.mark.parametrize("stream", [False, True])
async def test_whether_it_spills_is_decided_by_the_tokens_that_it_has(
    make_world: MakeWorld, tmp_path: Path, *, stream: bool
) -> None:
    load = replace(LOAD, overflow="spill")
    async with (
        setup(make_world, tmp_path, load, token_seconds=0.3, pool_context=256) as made,
        made.world.client() as client,
    ):
        running = await made.busy(client)

        async def ask(words: int, limit: int | None) -> httpx.Response:
            messages = [{"role": "user", "content": "syllables " * words}]
            body = {"model": "gpt-3.5-turbo", "messages": messages, "stream": stream}
            return await client.post(URL, json=body | ({"max_tokens": limit} if limit else {}))

        assert (await ask(200, 56)).headers["x-sayso-spilled"] == "true", "2,000 bytes, 200 tokens"
        assert (await ask(128, None)).headers["x-sayso-spilled"] == "true"
        for words, limit in ((200, 57), (129, None), (300, None)):
            refused = await ask(words, limit)
            assert (refused.status_code, refused.json()["error"]["code"]) == (429, "instance_overloaded")
            assert int(refused.headers["retry-after-ms"]) >= 1
            assert not {"x-sayso-spilled", "x-sayso-instance"} & set(refused.headers)
        ledger = made.world.ledger
        assert len(ledger.released) == 3, "nothing is held any more of what did not go there"
        await running


async def test_a_stored_answer_that_spilled_has_the_fingerprint_of_what_answered(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    load = replace(LOAD, overflow="spill")
    async with (
        setup(make_world, tmp_path, load, token_seconds=0.2) as made,
        kept_world(made.world, f"sqlite:///{tmp_path / 'sayso.db'}", tmp_path) as kept,
        kept.client() as client,
    ):
        running = await made.busy(client)
        answered = (await client.post(URL, json={**BODY, "store": True})).json()
        stored = (await client.get(f"{URL}/{answered['id']}")).json()
        assert stored["system_fingerprint"] == answered["system_fingerprint"] == "fp_pool"
        await running


async def test_who_waits_is_answered_in_the_end(make_world: MakeWorld, tmp_path: Path) -> None:
    load = LoadSettings(1, 512, 10, 20_000, "queue")
    async with setup(make_world, tmp_path, load, token_seconds=0.02) as made, made.world.client() as client:
        answers = await asyncio.gather(*(client.post(URL, json=BODY) for _ in range(8)))
        assert [one.status_code for one in answers] == [200] * 8
        assert {one.headers["x-sayso-instance"] for one in answers} == {"inst_1"}


async def test_a_client_that_leaves_while_it_waits_leaves_nothing_behind(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    load = LoadSettings(1, 512, 10, 20_000, "queue")
    async with (
        setup(make_world, tmp_path, load, token_seconds=1.0) as made,
        made.world.serve() as url,
        AsyncOpenAI(base_url=url, api_key=KEY, max_retries=0) as client,
    ):
        running = made.fleet.find("proj_1", CHAT.id)
        assert running is not None

        async def ask() -> str | None:
            answer = await client.chat.completions.create(
                model=CHAT.id, messages=[{"role": "user", "content": "one two three"}]
            )
            return answer.choices[0].message.content

        first = asyncio.create_task(ask())
        await until(lambda: running.entrance.running == 1)
        second = asyncio.create_task(ask())
        await until(lambda: running.entrance.waiting == 1)
        second.cancel()
        await until(lambda: running.entrance.waiting == 0)
        assert await first
        await until(lambda: running.entrance.running == 0)
        assert running.entrance.gate.units == 0
        assert running.current.requests == 0
        assert len(made.world.ledger.reservations) == 1


async def test_without_an_instance_that_takes_requests_the_pool_answers(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    async with setup(make_world, tmp_path) as made, made.world.client() as client:
        await made.fleet.stop(instance().id, 0.0)
        response = await client.post(URL, json=BODY)
        assert response.json()["system_fingerprint"] == "fp_pool"
        assert "x-sayso-instance" not in response.headers


async def test_a_snapshot_that_only_the_instance_has_is_listed_for_its_project(
    make_world: MakeWorld, tmp_path: Path
) -> None:
    async with setup(make_world, tmp_path) as made:
        router = Router(Catalogue((CHAT, SPEECH), ALIASES), {}, {}, made.fleet)
        assert CHAT.id in [one.id for one in router.models(CALLER)]
        assert router.models(STRANGERS["sk-other-project"]) == ()
        assert router.model("gpt-3.5-turbo", CALLER).snapshot == CHAT.id
        route = await router.chat("gpt-3.5-turbo", CALLER)
        assert route.instance is not None
