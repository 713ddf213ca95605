"""Engines that tell an instance's gate how far a request is."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    Started,
    TextDelta,
    ToolCallDelta,
)
from sayso.core.speech import Audio, LanguageProbability, Segment, SpeechEvent, SpeechFinished, SpeechRequest
from sayso.core.usage import TokenUsage
from sayso.dedicated.entrance import Seat
from sayso.dedicated.forecast import Size
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine


class WatchedChatEngine:
    """`engine`, for the one request that has `seat`."""

    def __init__(self, engine: ChatEngine, seat: Seat) -> None:
        self._engine = engine
        self._seat = seat

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return await self._engine.info()

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation."""
        return self._watched(self._engine.chat(request))

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        return self._watched(self._engine.complete(request))

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Stop a request and return what it used."""
        return await self._engine.stop(request_id)

    async def _watched(self, events: AsyncGenerator[ChatEvent, None]) -> AsyncGenerator[ChatEvent, None]:
        seat = self._seat
        async with aclosing(events):
            async for event in events:
                match event:
                    case TextDelta() | ToolCallDelta() | ChoiceFinished():
                        seat.advance(event.completion_tokens)
                    case Started():
                        seat.correct(Size(event.prompt_tokens, seat.size.made))
                    case Finished():
                        seat.end()
                yield event


class WatchedSpeechEngine:
    """`engine`, for the one request that has `seat`."""

    def __init__(self, engine: SpeechEngine, seat: Seat) -> None:
        self._engine = engine
        self._seat = seat

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return await self._engine.info()

    def check_room(self) -> None:
        """Raise `EngineOverloaded` where the engine has no room."""
        self._engine.check_room()

    async def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Transcribe or translate."""
        seat = self._seat
        async with aclosing(self._engine.transcribe(request)) as events:
            async for event in events:
                match event:
                    case Segment():
                        seat.advance(min(int(event.end * 1_000), seat.size.made - 1))
                    case SpeechFinished():
                        seat.advance(seat.size.made)
                        seat.end()
                    case _:
                        pass
                yield event

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        """Return the probable languages."""
        found = await self._engine.detect_language(model, audio)
        self._seat.advance(self._seat.size.made)
        self._seat.end()
        return found
