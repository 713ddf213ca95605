"""Requests that measure an instance: texts that it writes, recordings that it hears."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeVar

from sayso.cli.client import ServerAddress
from sayso.cli.uploads import upload
from sayso.core.chat import ChatRequest, Finished, Message, Sampling, TextDelta
from sayso.dedicated.curve import Answer, Level, SpeechLevel, Transcript
from sayso.dedicated.instance import Instance
from sayso.engines.base import EngineInfo
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.connection import Connection, Endpoint
from sayso.errors import InvalidRequest

INSTANCE_HEADER = "x-sayso-instance"
LEAST_ANSWERS = 6
ROUNDS = 2  # answers for each request that runs at once
WORDS = 15  # numbers of ten digits in a prompt

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ChatDrive:
    """How to have texts of `tokens` tokens written by an instance.

    `first` is the number that this measurement's prompts begin with: none is in a cache from the last one.
    """

    server: ServerAddress
    instance: Instance
    tokens: int
    first: int

    async def check(self) -> None:
        """Ask once, which also wakes the engine. Raises `InvalidRequest` where something else answers."""
        body = {
            "model": self.instance.snapshot,
            "messages": [{"role": "user", "content": "Hi"}],
            "max_tokens": 2,
        }
        async with self._connection() as connection:
            headers = await connection.post_headers("/chat/completions", body)
        _check_answered_by(self.instance, headers.get(INSTANCE_HEADER))

    async def level(self, concurrency: int, turn: int) -> Level:
        """Measure so many requests at once; no two turns have the same prompts."""
        first = self.first + turn * 100_000 + concurrency * 1_000
        async with self._connection() as connection:
            engine = UpstreamChatEngine(connection, self.instance.snapshot, EngineInfo(""))

            async def one(number: int) -> Answer:
                return await _written(engine, first + number, self.tokens)

            answers, seconds = await _at_once(concurrency, one)
        return Level.of(concurrency, answers, seconds)

    @asynccontextmanager
    async def _connection(self) -> AsyncGenerator[Connection, None]:
        connection = Connection(Endpoint(self.server.base_url, api_key=self.server.api_key))
        try:
            yield connection
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class SpeechDrive:
    """How to have a recording heard by an instance."""

    server: ServerAddress
    instance: Instance
    recording: bytes

    async def check(self) -> None:
        """Ask once, which also wakes the engine. Raises `InvalidRequest` where something else answers."""
        await self._heard(0)

    async def level(self, concurrency: int, turn: int) -> SpeechLevel:
        """Measure so many requests at once, in each turn with the same recording."""
        transcripts, seconds = await _at_once(concurrency, self._heard)
        return SpeechLevel.of(concurrency, transcripts, seconds)

    async def _heard(self, number: int) -> Transcript:
        fields = {"model": self.instance.snapshot, "response_format": "verbose_json"}
        begun = time.perf_counter()
        answer = await upload(self.server, "/audio/transcriptions", fields, self.recording)
        seconds = time.perf_counter() - begun
        _check_answered_by(self.instance, answer.headers.get(INSTANCE_HEADER))
        return Transcript(seconds, float(json.loads(answer.text)["duration"]))


def own_recording() -> bytes:
    """Return a short sentence, for want of a recording like those that the instance is for."""
    return files("sayso.inference").joinpath("probe.wav").read_bytes()


def _check_answered_by(instance: Instance, said: str | None) -> None:
    if said != instance.id:
        raise InvalidRequest("Requests of its project are answered by something else than this instance.")


async def _at_once(concurrency: int, ask: Callable[[int], Awaitable[T]]) -> tuple[list[T], float]:
    """Keep so many requests under way for a while; return the answers and the seconds that it took."""
    numbers = iter(range(max(LEAST_ANSWERS, ROUNDS * concurrency)))
    answers: list[T] = []

    async def client() -> None:
        for number in numbers:
            answer = await ask(number)
            answers.append(answer)

    begun = time.perf_counter()
    clients = [asyncio.create_task(client()) for _ in range(concurrency)]
    try:
        await asyncio.gather(*clients)
    finally:
        for one in clients:
            one.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return answers, time.perf_counter() - begun


async def _written(engine: UpstreamChatEngine, number: int, tokens: int) -> Answer:
    """Ask for a text that nobody has begun to read before, and that is as long as it may be."""
    words = " ".join(str(number + word * 7) for word in range(WORDS))
    text = f"{words}\nWrite a very long story about a lighthouse, in many chapters."
    request = ChatRequest("", (Message("user", text),), Sampling(0.0), tokens)
    begun = time.perf_counter()
    first = last = begun
    written = 0
    async with aclosing(engine.chat(request)) as events:
        async for event in events:
            if isinstance(event, TextDelta) and event.text:
                last = time.perf_counter()
                first = last if first == begun else first
            elif isinstance(event, Finished):
                written = event.usage.completion_tokens
    return Answer(first - begun, last - first, written)
