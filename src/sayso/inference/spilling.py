"""The shared pool's engine for what an instance had no room for, where that may be too long for it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest, Started
from sayso.core.usage import TokenUsage
from sayso.engines.base import ChatEngine, EngineInfo
from sayso.errors import ContextLengthExceeded, InstanceOverloaded


class SpilledChatEngine:
    """`engine`, whose context of `window` tokens is shorter than the instance's.

    What does not fit, by its own count of the prompt, is refused as the instance has refused it: its project
    may send it again, and would not hear of a context that it has not chosen. That goes for an answer without
    a limit as well, where the prompt leaves less than half of the context to it.
    """

    def __init__(self, engine: ChatEngine, window: int, refusal: InstanceOverloaded) -> None:
        self._engine = engine
        self._window = window
        self._refusal = refusal

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return await self._engine.info()

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation. Raises the instance's refusal."""
        return self._fitting(self._engine.chat(request), endless=not request.max_tokens)

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text. Raises the instance's refusal."""
        return self._fitting(self._engine.complete(request), endless=False)

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Stop a request and return what it used."""
        return await self._engine.stop(request_id)

    async def _fitting(
        self, events: AsyncGenerator[ChatEvent, None], *, endless: bool
    ) -> AsyncGenerator[ChatEvent, None]:
        try:
            async with aclosing(events):
                async for event in events:
                    if endless and isinstance(event, Started) and 2 * event.prompt_tokens > self._window:
                        raise self._refusal
                    yield event
        except ContextLengthExceeded:
            raise self._refusal from None
