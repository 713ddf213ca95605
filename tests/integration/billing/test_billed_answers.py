"""Over HTTP: what a request costs is what its answer says, whichever way it ends."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass, replace

import httpx
import pytest

from sayso.api.application import create_api
from sayso.billing.tables import Counter, HoldRow, LedgerTransaction, UsageEventRow
from sayso.billing.verify import verify
from sayso.catalog.catalogue import Catalogue
from sayso.core.chat import ChatRequest, Finished, Message, Started, TextDelta
from sayso.engines.fake import FakeEngine, Script
from sayso.errors import StorageUnavailable
from sayso.ids import new_request_id
from sayso.inference.admission import Origin
from sayso.inference.cache_salt import CacheSalts
from sayso.inference.chat import run_chat
from sayso.inference.metering import BilledLedger
from sayso.inference.routing import Router
from sayso.telemetry.metrics import Metrics
from tests.integration.api.conftest import ALIASES, CHAT, KEY, SPEECH, MakeWorld
from tests.integration.api.conftest import make_world as make_world
from tests.integration.billing.conftest import CALLER, Books

WORDS = "one two three four five six seven eight nine ten eleven twelve"
BODY = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "a b c"}]}


@dataclass
class Shop:
    """The application with a real ledger behind it."""

    books: Books
    billing: BilledLedger
    client: httpx.AsyncClient
    router: Router


OpenShop = Callable[..., Awaitable[Shop]]


@pytest.fixture
async def open_shop(books: Books, make_world: MakeWorld) -> AsyncGenerator[OpenShop]:
    async with contextlib.AsyncExitStack() as stack:

        async def start(script: Script | None = None, engine: FakeEngine | None = None) -> Shop:
            fake = engine or FakeEngine(script or Script(reply=WORDS))
            billing = BilledLedger(books.ledger, Metrics(), patience=0.05)
            router = Router(Catalogue((CHAT, SPEECH), ALIASES), {CHAT.id: fake}, {SPEECH.id: fake})
            services = replace(make_world().services, router=router, ledger=billing)
            transport = httpx.ASGITransport(create_api(services), raise_app_exceptions=False)
            headers = {"authorization": f"Bearer {KEY}"}
            client = httpx.AsyncClient(transport=transport, base_url="http://sayso", headers=headers)
            await stack.enter_async_context(client)
            stack.push_async_callback(billing.close)
            return Shop(books, billing, client, router)

        yield start


async def ended(books: Books) -> None:
    """No hold is open and the books agree."""
    assert {row["state"] for row in await books.rows(HoldRow)} <= {"settled", "void"}
    assert {row["held"] for row in await books.rows(Counter)} <= {0}
    assert (await verify(books.database)).divergence is None


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_charged_as_its_usage_says(open_shop: OpenShop, stream: bool) -> None:
    shop = await open_shop()
    body = {**BODY, "stream": stream, **({"stream_options": {"include_usage": True}} if stream else {})}
    answer = await shop.client.post("/v1/chat/completions", json=body)
    assert answer.status_code == 200
    lines = [line[6:] for line in answer.text.splitlines() if line.startswith("data: {")]
    usage = json.loads(lines[-1] if stream else answer.text)["usage"]
    (event,) = await shop.books.rows(UsageEventRow)
    assert event["request_id"] == answer.headers["x-request-id"]
    assert (event["prompt_tokens"], event["completion_tokens"]) == (3, 12)
    assert usage["total_tokens"] == 15
    assert event["charge"] == 15 * 2_000
    assert (event["outcome"], event["streamed"]) == ("completed", int(stream))
    await ended(shop.books)


@pytest.mark.parametrize("left_after", [0, 1, 10, 11, 12])
async def test_a_client_that_leaves_pays_for_what_was_generated(open_shop: OpenShop, left_after: int) -> None:
    engine = FakeEngine(Script(reply=WORDS))
    shop = await open_shop(engine=engine)
    route = await shop.router.chat("gpt-3.5-turbo")
    request = ChatRequest("gpt-3.5-turbo", (Message("user", "a b c"),))
    origin = Origin(CALLER, new_request_id(), "chat.completions", streamed=True)
    events = run_chat(route, origin, request, shop.billing, salts=CacheSalts())
    deltas = 0
    async for event in events:
        deltas += isinstance(event, TextDelta)
        if deltas == left_after and isinstance(event, Started | TextDelta):
            break
    await events.aclose()
    (row,) = await shop.books.rows(UsageEventRow)
    assert row["outcome"] == "disconnected"
    assert row["completion_tokens"] == left_after == engine.generated
    assert row["charge"] == (3 + left_after) * 2_000
    await ended(shop.books)


async def test_a_client_that_leaves_before_the_usage_frame_has_paid(open_shop: OpenShop) -> None:
    shop = await open_shop()
    route = await shop.router.chat("gpt-3.5-turbo")
    request = ChatRequest("gpt-3.5-turbo", (Message("user", "a b c"),))
    events = run_chat(
        route, Origin(CALLER, new_request_id(), "chat.completions"), request, shop.billing, salts=CacheSalts()
    )
    async for event in events:
        if isinstance(event, Finished):
            break
    await events.aclose()
    (row,) = await shop.books.rows(UsageEventRow)
    assert (row["outcome"], row["charge"]) == ("completed", 30_000)


@pytest.mark.parametrize("refuse", ["overloaded", "unavailable"])
async def test_a_refusal_of_the_engine_costs_nothing(open_shop: OpenShop, refuse: str) -> None:
    shop = await open_shop(Script(refuse=refuse))
    assert (await shop.client.post("/v1/chat/completions", json=BODY)).status_code == 503
    too_long = {**BODY, "logit_bias": {"1": 1}}
    assert (await shop.client.post("/v1/chat/completions", json=too_long)).status_code == 400
    assert await shop.books.rows(UsageEventRow) == []
    await ended(shop.books)


async def test_our_own_failure_is_recorded_and_free(open_shop: OpenShop) -> None:
    shop = await open_shop(Script(reply=WORDS, fail_after=4))
    assert (await shop.client.post("/v1/chat/completions", json=BODY)).status_code == 500
    (row,) = await shop.books.rows(UsageEventRow)
    assert (row["outcome"], row["completion_tokens"], row["charge"]) == ("failed", 4, 0)
    assert await shop.books.rows(LedgerTransaction) == []
    await ended(shop.books)


@pytest.mark.parametrize(("seconds", "billed"), [(0.2, 1), (1.49, 1), (1.5, 2), (2.5, 3)])
async def test_audio_is_billed_by_its_samples(open_shop: OpenShop, seconds: float, billed: int) -> None:
    shop = await open_shop()
    form = {"model": "whisper-1"}
    sound = {"file": ("a.wav", b"PCM" + bytes(2 * int(seconds * 16_000)))}
    answer = await shop.client.post("/v1/audio/transcriptions", data=form, files=sound)
    assert answer.json()["usage"] == {"type": "duration", "seconds": billed}
    (row,) = await shop.books.rows(UsageEventRow)
    assert (row["endpoint"], row["charge"]) == ("audio.transcriptions", billed * 100_000)
    languages = await shop.client.post("/v1/audio/languages", data=form, files=sound)
    assert languages.status_code == 200
    assert {row["endpoint"] for row in await shop.books.rows(UsageEventRow)} >= {"audio.languages"}
    await ended(shop.books)


async def test_fifty_requests_under_one_key_are_one(open_shop: OpenShop) -> None:
    engine = FakeEngine(Script(reply=WORDS))
    shop = await open_shop(engine=engine)

    async def ask(body: object = BODY) -> httpx.Response:
        headers = {"idempotency-key": "k-1"}
        return await shop.client.post("/v1/chat/completions", json=body, headers=headers)

    answers = await asyncio.gather(*(ask() for _ in range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 49
    assert engine.generated == 12
    assert len(await shop.books.rows(UsageEventRow)) == 1
    again, other = await ask(), await ask({**BODY, "max_tokens": 3})
    assert again.json()["error"]["code"] == "idempotency_replay_unavailable"
    assert again.headers["x-should-retry"] == "false"
    assert other.json()["error"]["code"] == "idempotency_key_reused"


async def test_a_key_whose_request_failed_may_be_used_again(open_shop: OpenShop) -> None:
    engine = FakeEngine(Script(refuse="overloaded"))
    shop = await open_shop(engine=engine)
    headers = {"idempotency-key": "k-1"}
    refused = await shop.client.post("/v1/chat/completions", json=BODY, headers=headers)
    engine.script = Script(reply=WORDS)
    answered = await shop.client.post("/v1/chat/completions", json=BODY, headers=headers)
    assert (refused.status_code, answered.status_code) == (503, 200)


async def test_limits_are_stated_and_kept(open_shop: OpenShop) -> None:
    shop = await open_shop()
    await shop.books.limit("requests", 1)
    first = await shop.client.post("/v1/chat/completions", json=BODY)
    second = await shop.client.post("/v1/chat/completions", json=BODY)
    assert first.headers["x-ratelimit-remaining-requests"] == "0"
    assert (second.status_code, second.headers["retry-after"]) == (429, "50")


async def test_without_the_storage_nothing_is_given_away(
    open_shop: OpenShop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = await open_shop()
    settle = shop.books.ledger.settle
    failing = True

    async def fail(*values: object) -> object:
        if failing:
            raise StorageUnavailable
        return await settle(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.books.ledger, "settle", fail)
    answer = await shop.client.post("/v1/chat/completions", json=BODY)
    assert answer.status_code == 503
    failing = False
    await shop.billing.close()
    (row,) = await shop.books.rows(UsageEventRow)
    assert (row["outcome"], row["charge"]) == ("failed", 0)
    await ended(shop.books)
