"""A chat engine that is another server's."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo
from sayso.engines.upstream.connection import Connection
from sayso.engines.wire.chat_events import ChatEventDecoder
from sayso.engines.wire.chat_request import encode_chat_request, encode_completion_request


class UpstreamChatEngine:
    """Asks `model` of the server at `connection`; `info` is what is known of it beforehand.

    `salted` says that it parts its prefix cache by a field `cache_salt`, as vLLM does.
    """

    def __init__(self, connection: Connection, model: str, info: EngineInfo, *, salted: bool = False) -> None:
        self._connection = connection
        self._model = model
        self._info = info
        self._salted = salted

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return self._info

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation."""
        return self._stream(
            "/chat/completions", self._with_salt(encode_chat_request(request, self._model), request)
        )

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        return self._stream(
            "/completions", self._with_salt(encode_completion_request(request, self._model), request)
        )

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Another server does not tell what a request used that nobody reads any more."""
        return None

    def _with_salt(self, body: dict[str, Any], request: ChatRequest | CompletionRequest) -> dict[str, Any]:
        return {**body, "cache_salt": request.cache_salt} if self._salted and request.cache_salt else body

    async def _stream(self, path: str, body: dict[str, Any]) -> AsyncGenerator[ChatEvent, None]:
        decoder = ChatEventDecoder()
        async with aclosing(self._connection.post_json(path, body)) as chunks:
            async for chunk in chunks:
                for event in decoder.decode(chunk):
                    yield event
        yield decoder.finish()
