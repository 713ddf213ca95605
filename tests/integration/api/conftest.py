"""The HTTP application over scripted engines, without a network."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from sayso.api.application import create_api
from sayso.api.services import Limits, Readiness, Services, VendorExtras
from sayso.billing.reservation import Hold, Reservation
from sayso.catalog.catalogue import Catalogue
from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.caller import AdminCaller, Caller
from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest, Started, TextDelta
from sayso.core.speech import Audio
from sayso.core.usage import TokenUsage
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.engines.fake import FakeEngine, Script
from sayso.errors import AudioRejected, AuthenticationFailed
from sayso.ids import KeyId, OrgId, ProjectId, RequestId
from sayso.inference.metering import UsageEvent
from sayso.inference.routing import Router

KEY = "sk-test"
CALLER = Caller(OrgId("org_1"), ProjectId("proj_1"), KeyId("key_1"))


@dataclass
class RecordingLedger:
    """Admits everything; remembers what was reserved, settled and released."""

    events: list[UsageEvent] = field(default_factory=list)
    reservations: list[Reservation] = field(default_factory=list)
    released: list[Hold] = field(default_factory=list)

    async def reserve(self, reservation: Reservation) -> Hold:
        self.reservations.append(reservation)
        return Hold(reservation.request_id, 0)

    async def settle(self, hold: Hold, event: UsageEvent) -> None:
        self.events.append(event)

    async def settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None:
        if event := await counting:
            await self.settle(hold, event)
        else:
            await self.release(hold)

    async def release(self, hold: Hold) -> None:
        self.released.append(hold)

    def sent(self, request_id: RequestId) -> None: ...


class PcmDecoder:
    """Takes bytes that begin with `PCM` for 16 kHz samples, and nothing else for audio."""

    def __init__(self) -> None:
        self.decoded = 0

    async def decode(self, content: memoryview | bytes | bytearray, cores: tuple[int, ...] = ()) -> Audio:
        if bytes(content[:3]) != b"PCM":
            raise AudioRejected("The audio file could not be decoded or its format is not supported.")
        self.decoded += 1
        return Audio(memoryview(bytes(content[3:])))


@dataclass
class SwitchedHealth:
    draining: bool = False
    reasons: dict[str, str] = field(default_factory=dict)

    def live(self) -> bool:
        return True

    async def ready(self) -> Readiness:
        return Readiness(not any(self.reasons.values()), self.reasons)


@dataclass
class RecordingMetrics:
    requests: list[tuple[str, str, int]] = field(default_factory=list)

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        self.requests.append((method, route, status))

    def render(self) -> bytes:
        return b"sayso_up 1\n"


async def authenticate(presented: str) -> Caller:
    if presented != KEY:
        raise AuthenticationFailed("Incorrect API key provided: ****.", code="invalid_api_key")
    return CALLER


async def check_account(caller: Caller | AdminCaller, organization: str | None, project: str | None) -> None:
    if organization not in (None, caller.org_id):
        raise AuthenticationFailed("The organization does not match.", code="mismatched_organization")


async def organization_slug(caller: Caller | AdminCaller) -> str:
    return "acme"


CHAT = Snapshot("fake-chat", "chat", "fake", PackageSource(), created=1_677_610_602)
SPEECH = Snapshot(
    "fake-speech", "speech", "fake", PackageSource(), languages=("en", "de"), created=1_677_610_602
)
ALIASES = {"gpt-3.5-turbo": "fake-chat", "ft:gpt/x:acme": "fake-chat", "whisper-1": "fake-speech"}


@dataclass
class World:
    """An application with everything around it in reach."""

    services: Services
    app: FastAPI
    ledger: RecordingLedger
    health: SwitchedHealth
    metrics: RecordingMetrics
    decoder: PcmDecoder

    def client(self, key: str | None = KEY) -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url="http://sayso", headers=headers)

    @contextlib.asynccontextmanager
    async def serve(self) -> AsyncGenerator[str, None]:
        """Serve the application on a free port of the loopback interface; gives the base URL."""
        config = uvicorn.Config(
            self.app, port=0, http="httptools", lifespan="off", ws="none", log_config=None
        )
        server = uvicorn.Server(config)
        with config.bind_socket() as sock:
            task = asyncio.create_task(server.serve([sock]))
            try:
                yield f"http://127.0.0.1:{sock.getsockname()[1]}/v1"
            finally:
                server.should_exit = True
                await task


class EndlessEngine:
    """Starts if it may, says one word and then nothing; `closed` tells when it was let go."""

    def __init__(self) -> None:
        self.starts = True
        self.reached = asyncio.Event()
        self.closed = asyncio.Event()

    async def info(self) -> EngineInfo:
        return EngineInfo("fp")

    async def chat(self, request: ChatRequest | CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        try:
            if self.starts:
                yield Started(3)
                yield TextDelta(0, "word", completion_tokens=1)
            self.reached.set()
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def stop(self, request_id: str) -> TokenUsage | None:
        return None

    complete = chat


@pytest.fixture
async def endless() -> EndlessEngine:
    return EndlessEngine()


MakeWorld = Callable[..., World]


@pytest.fixture(scope="session")
def make_world() -> MakeWorld:
    def make(
        chat: ChatEngine | None = None,
        speech: SpeechEngine | None = None,
        *,
        script: Script | None = None,
        limits: Limits | None = None,
        vendor_extras: VendorExtras = "ignore",
    ) -> World:
        fake = FakeEngine(script or Script())
        ledger, health, metrics, decoder = (
            RecordingLedger(),
            SwitchedHealth(),
            RecordingMetrics(),
            PcmDecoder(),
        )
        router = Router(
            Catalogue((CHAT, SPEECH), ALIASES), {CHAT.id: chat or fake}, {SPEECH.id: speech or fake}
        )
        services = Services(
            router=router,
            ledger=ledger,
            authenticate=authenticate,
            check_account=check_account,
            organization_slug=organization_slug,
            decoder=decoder,
            health=health,
            metrics=metrics,
            limits=limits or Limits(),
            vendor_extras=vendor_extras,
        )
        return World(services, create_api(services), ledger, health, metrics, decoder)

    return make


@pytest.fixture
async def client(make_world: MakeWorld) -> AsyncGenerator[httpx.AsyncClient, None]:
    async with make_world().client() as client:
        yield client
