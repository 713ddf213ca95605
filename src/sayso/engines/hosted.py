"""Engines that run in a host of ours."""

import asyncio
from collections.abc import AsyncGenerator

from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo
from sayso.engines.supervisor import EngineHost
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.speech import UpstreamSpeechEngine
from sayso.engines.wire.chat_request import encode_chat_request, encode_completion_request
from sayso.errors import EngineError
from sayso.telemetry.logging import EventLogger

STOP_SECONDS = 60.0  # a step that reads a long prompt is waited for, on a busy machine too

log = EventLogger("engines")

_UNKNOWN = EngineInfo("")


class HostedChatEngine(UpstreamChatEngine):
    """Chat through `host`, which describes itself and may be down."""

    def __init__(self, host: EngineHost) -> None:
        super().__init__(host.connection, host.config.snapshot, _UNKNOWN)
        self._host = host

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` unless the host is ready."""
        return await self._host.info()

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation."""
        body = encode_chat_request(request, self._model)
        return self._stream("/chat/completions", {**body, **_ours(request)})

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        body = encode_completion_request(request, self._model)
        return self._stream("/completions", {**body, **_ours(request)})

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Ask the host; None as well where it is gone."""
        try:
            async with asyncio.timeout(STOP_SECONDS):
                answer = await self._host.connection.get_json(f"/stopped/{request_id}")
        except (EngineError, TimeoutError):
            log.warning("usage_of_stopped_unknown", request_id=request_id)
            return None
        return TokenUsage(**answer) if answer else None


def _ours(request: ChatRequest | CompletionRequest) -> dict[str, str | bool]:
    """Return what a host of ours is told besides."""
    return {
        "id": request.id,
        "cache_salt": request.cache_salt,
        "share": request.share,
        "whole": request.whole,
    }


class HostedSpeechEngine(UpstreamSpeechEngine):
    """Speech through `host`, which describes itself and may be down."""

    def __init__(self, host: EngineHost) -> None:
        super().__init__(host.connection, host.config.snapshot, _UNKNOWN, events=True)
        self._host = host

    async def info(self) -> EngineInfo:
        """Describe the engine. Raises `EngineUnavailable` unless the host is ready."""
        return await self._host.info()
