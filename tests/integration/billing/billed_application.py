"""The HTTP application over scripted engines with the real ledger behind it, called without a network."""

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from typing import Any

import orjson
from fastapi import FastAPI
from starlette.types import ASGIApp

from sayso.api.application import create_api
from sayso.api.services import Services
from sayso.billing.ledger import Ledger
from sayso.billing.price_book import ensure_launch_prices
from sayso.catalog.catalogue import Catalogue
from sayso.core.caller import Caller
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.engines.fake import FakeEngine
from sayso.engines.slots import Slots
from sayso.ids import KeyId, OrgId, ProjectId
from sayso.inference.metering import BilledLedger
from sayso.inference.routing import Router
from sayso.telemetry.metrics import Metrics
from tests.integration.api.conftest import (
    ALIASES,
    CHAT,
    SPEECH,
    PcmDecoder,
    RecordingMetrics,
    SwitchedHealth,
)

ORGANIZATIONS, PROJECTS, KEYS = 2, 2, 2
BOUNDARY = "billed"


def caller_of(presented: str) -> Caller:
    """Read the key `sk-ORG-PROJECT-KEY`."""
    org, project, key = presented.removeprefix("sk-").split("-")
    return Caller(OrgId(f"org_{org}"), ProjectId(f"proj_{org}{project}"), KeyId(f"key_{org}{project}{key}"))


async def _authenticate(presented: str) -> Caller:
    return caller_of(presented)


async def _check_account(*_: object) -> None:
    return


async def _slug(*_: object) -> str:
    return "acme"


def application(billed: BilledLedger) -> FastAPI:
    """Serve the engines' scripts, charged by `billed`."""
    engine = FakeEngine(slots=Slots(running=64, waiting=64))
    return create_api(
        Services(
            router=Router(Catalogue((CHAT, SPEECH), ALIASES), {CHAT.id: engine}, {SPEECH.id: engine}),
            ledger=billed,
            authenticate=_authenticate,
            check_account=_check_account,
            organization_slug=_slug,
            decoder=PcmDecoder(),
            health=SwitchedHealth(),
            metrics=RecordingMetrics(),
        )
    )


@contextlib.asynccontextmanager
async def billed_application(url: str, clock: Callable[[], int]) -> AsyncGenerator[tuple[FastAPI, Database]]:
    """Serve the engines' scripts at the launch's prices, charged in the database at `url`."""
    async with Database.open(url) as database:
        await migrate(database)
        await ensure_launch_prices(database)
        ledger = Ledger.open(database, clock=clock)
        billed = BilledLedger(ledger, Metrics())
        try:
            yield application(billed), database
        finally:
            await billed.close()
            await ledger.close()


async def call(app: ASGIApp, path: str, key: str, body: bytes, content_type: str) -> bytes:
    """Post `body`; return the answer's body, which must be a success."""
    arrived: list[bytes] = []
    status: list[int] = []
    requests = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> dict[str, Any]:
        for message in requests:
            return message
        await asyncio.Event().wait()  # the client stays
        raise AssertionError

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            status.append(message["status"])
        else:
            arrived.append(message.get("body", b""))

    headers = {
        b"host": b"sayso",
        b"authorization": f"Bearer {key}".encode(),
        b"content-type": content_type.encode(),
        b"content-length": str(len(body)).encode(),
    }
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": list(headers.items()),
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "client": ("127.0.0.1", 1),
        "server": ("sayso", 80),
        "asgi": {"version": "3.0"},
    }
    await app(scope, receive, send)
    assert status == [200], b"".join(arrived)
    return b"".join(arrived)


@dataclass
class Responses:
    """What the answers said was used: by organization, tokens and whole seconds of audio."""

    tokens: "Counter[str]" = field(default_factory=Counter)
    prompt_tokens: "Counter[str]" = field(default_factory=Counter)
    seconds: "Counter[str]" = field(default_factory=Counter)
    requests: "Counter[str]" = field(default_factory=Counter)


async def send_mixed(app: FastAPI, count: int, *, at_once: int = 32, seed: int = 2) -> Responses:
    """Send `count` chats, completions and transcriptions, whole and streamed, from several organizations."""
    seen = Responses()
    numbers = iter(range(count))

    async def client() -> None:
        for number in numbers:
            await _send_one(app, random.Random(seed * 1_000_003 + number), seen)

    await asyncio.gather(*(client() for _ in range(at_once)))
    return seen


async def _send_one(app: FastAPI, chance: random.Random, seen: Responses) -> None:
    key = f"sk-{chance.randrange(ORGANIZATIONS)}-{chance.randrange(PROJECTS)}-{chance.randrange(KEYS)}"
    org = caller_of(key).org_id
    seen.requests[org] += 1
    kind = chance.choice(["chat", "chat", "streamed chat", "completion", "speech"])
    if kind == "speech":
        samples = chance.choice([1_600, 8_000, 23_999, 24_000, 16_000 * chance.randrange(1, 20)])
        answer = orjson.loads(
            await call(
                app,
                "/v1/audio/transcriptions",
                key,
                upload(samples),
                f"multipart/form-data; boundary={BOUNDARY}",
            )
        )
        assert answer["usage"]["type"] == "duration"
        seen.seconds[org] += answer["usage"]["seconds"]
        return
    words = " ".join(["word"] * chance.randrange(1, 40))
    body: dict[str, Any] = {"model": chance.choice(["gpt-3.5-turbo", "fake-chat"])}
    if kind == "completion":
        body |= {"prompt": words, "max_tokens": chance.randrange(1, 30)}
        path = "/v1/completions"
    else:
        body |= {"messages": [{"role": "user", "content": words}], "n": chance.choice([1, 1, 2])}
        body |= {"max_tokens": chance.randrange(1, 30)} if chance.random() < 0.5 else {}
        path = "/v1/chat/completions"
    if kind == "streamed chat":
        body |= {"stream": True, "stream_options": {"include_usage": True}}
    answer_body = await call(app, path, key, orjson.dumps(body), "application/json")
    usage = _usage(answer_body, streamed=kind == "streamed chat")
    seen.tokens[org] += usage["total_tokens"]
    seen.prompt_tokens[org] += usage["prompt_tokens"]


def _usage(body: bytes, *, streamed: bool) -> dict[str, int]:
    if streamed:
        frames = [line[6:] for line in body.splitlines() if line.startswith(b"data: {")]
        body = frames[-1]
    usage: dict[str, int] = orjson.loads(body)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]
    return usage


def upload(samples: int) -> bytes:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--{BOUNDARY}\r\n'
    )
    file = 'Content-Disposition: form-data; name="file"; filename="a.wav"\r\n\r\nPCM'
    return (head + file).encode() + bytes(2 * samples) + f"\r\n--{BOUNDARY}--\r\n".encode()
