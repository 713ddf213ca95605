"""An engine that hears what it is asked."""

from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, field
from typing import Any

from sayso.billing.reservation import Hold, Reservation
from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest, Finished, Started
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo
from sayso.ids import RequestId
from sayso.inference.metering import UsageEvent


@dataclass
class Listener:
    """An engine and a ledger that remember what they were given."""

    heard: list[ChatRequest | CompletionRequest] = field(default_factory=list)

    async def info(self) -> EngineInfo:
        return EngineInfo("fp")

    async def chat(self, request: ChatRequest | CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        self.heard.append(request)
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

    def sent(self, request_id: RequestId) -> None: ...
