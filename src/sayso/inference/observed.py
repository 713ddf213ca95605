"""Engines with a stopwatch: how many requests run, how soon the first token came, how many were refused."""

import time
from collections.abc import AsyncGenerator, Generator
from contextlib import aclosing, contextmanager
from typing import TypeVar

from sayso.core.chat import ChatEvent, ChatRequest, CompletionRequest, TextDelta, ToolCallDelta
from sayso.core.speech import Audio, LanguageProbability, Segment, SpeechEvent, SpeechRequest
from sayso.core.usage import TokenUsage
from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.errors import EngineOverloaded
from sayso.telemetry.metrics import Metrics

EventT = TypeVar("EventT")


class ObservedChatEngine:
    """`engine`, observed under the label `name`."""

    def __init__(self, engine: ChatEngine, name: str, metrics: Metrics) -> None:
        self._engine = engine
        self._name = name
        self._metrics = metrics

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return await self._engine.info()

    def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue a conversation."""
        return _observed(self._engine.chat(request), (TextDelta, ToolCallDelta), self._name, self._metrics)

    def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Continue raw text."""
        return _observed(self._engine.complete(request), (TextDelta,), self._name, self._metrics)

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Stop a request and return what it used."""
        return await self._engine.stop(request_id)


class ObservedSpeechEngine:
    """`engine`, observed under the label `name`; its first token is its first segment."""

    def __init__(self, engine: SpeechEngine, name: str, metrics: Metrics) -> None:
        self._engine = engine
        self._name = name
        self._metrics = metrics

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return await self._engine.info()

    def check_room(self) -> None:
        """Raise `EngineOverloaded` where the engine has no room."""
        with _refusals_counted(self._name, self._metrics):
            self._engine.check_room()

    def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Transcribe or translate."""
        return _observed(self._engine.transcribe(request), (Segment,), self._name, self._metrics)

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        """Return the probable languages."""
        return await self._engine.detect_language(model, audio)


async def _observed(
    events: AsyncGenerator[EventT, None], first: tuple[type, ...], name: str, metrics: Metrics
) -> AsyncGenerator[EventT, None]:
    begun = time.perf_counter()
    waiting = True
    in_flight = metrics.in_flight.labels(name)
    in_flight.inc()
    try:
        with _refusals_counted(name, metrics):
            async with aclosing(events):
                async for event in events:
                    if waiting and isinstance(event, first):
                        waiting = False
                        metrics.time_to_first_token.labels(name).observe(time.perf_counter() - begun)
                    yield event
    finally:
        in_flight.dec()


@contextmanager
def _refusals_counted(name: str, metrics: Metrics) -> Generator[None]:
    try:
        yield
    except EngineOverloaded:
        metrics.queue_refusals.labels(name).inc()
        raise
