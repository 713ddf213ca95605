"""A snapshot's advice is taken where a request says nothing about sampling, and only there."""

from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest

from sayso.billing.reservation import Hold, Reservation
from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.core.caller import Caller
from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest, Finished, Message, Sampling, Started
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo
from sayso.ids import KeyId, OrgId, ProjectId, RequestId
from sayso.inference.admission import Origin
from sayso.inference.chat import run_chat, run_completion
from sayso.inference.metering import UsageEvent
from sayso.inference.routing import ChatRoute

ORIGIN = Origin(Caller(OrgId("org_1"), ProjectId("proj_1"), KeyId("key_1")), RequestId("req_1"), "chat")
ADVISED = Snapshot("m", "chat", "fake", PackageSource(), temperature=0.2, top_p=0.9)


@dataclass
class Listener:
    """An engine and a ledger that remember what they were given."""

    heard: list[Sampling] = field(default_factory=list)

    async def info(self) -> EngineInfo:
        return EngineInfo("fp")

    async def chat(self, request: ChatRequest | CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        self.heard.append(request.sampling)
        yield Started(1)
        yield Finished(TokenUsage(1, 0))

    complete = chat

    async def stop(self, request_id: str) -> TokenUsage | None:
        return None

    async def reserve(self, reservation: Reservation) -> Hold:
        return Hold(reservation.request_id, 0)

    async def settle(self, hold: Hold, event: UsageEvent) -> None: ...

    async def settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None: ...

    async def release(self, hold: Hold) -> None: ...


@pytest.mark.parametrize(
    ("asked", "used"),
    [
        (Sampling(), (0.2, 0.9)),
        (Sampling(seed=3), (0.2, 0.9)),
        (Sampling(temperature=1.0), (1.0, None)),
        (Sampling(temperature=0.0), (0.0, None)),
        (Sampling(top_p=0.5), (None, 0.5)),
    ],
)
async def test_advice_is_for_who_says_nothing(asked: Sampling, used: tuple[float, float]) -> None:
    engine = Listener()
    route = ChatRoute("m", ADVISED, engine, EngineInfo("fp"))
    chat = ChatRequest("m", (Message("user", "Hi"),), asked)
    completion = CompletionRequest("m", ("Hi",), asked)
    async for _ in run_chat(route, ORIGIN, chat, engine):
        pass
    async for _ in run_completion(route, ORIGIN, completion, engine):
        pass
    assert [(sampling.temperature, sampling.top_p) for sampling in engine.heard] == [used, used]
    assert all(sampling.seed == asked.seed for sampling in engine.heard)


def test_the_advice_is_part_of_what_a_snapshot_is() -> None:
    plain = Snapshot("m", "chat", "fake", PackageSource())
    assert plain.digest != ADVISED.digest
