"""The bare chat pipeline and the bare speech engine, timed as the server's answers are."""

import asyncio
import itertools
import time
from collections.abc import Iterable
from functools import partial
from pathlib import Path

import openvino_genai as genai

from bench.bare_chat import BareChat
from sayso.audio.pcm import decode
from sayso.core.speech import SAMPLE_RATE, Audio, SpeechRequest
from sayso.dedicated.curve import Answer, Transcript
from sayso.engines.config import EngineConfig
from sayso.engines.whisper.engine import WhisperSpeechEngine
from tests.acceptance.core_pace import Paced, paced
from tests.acceptance.first_tokens import prompt

FLOOD_TOKENS = 64
LONGEST_SECONDS = 30


class BareAnswers(BareChat):
    """The pipeline whose answers are timed, or that floods its core."""

    def __init__(self, config: EngineConfig) -> None:
        super().__init__(config)
        self._core = config.cores[0]

    def answers(self, numbers: Iterable[int], tokens: int) -> list[Paced[Answer]]:
        """Time answers as `time_answer` does, one after the other."""
        return asyncio.run(self._answers(numbers, tokens))

    def flood(self, streams: int) -> None:
        """Write so many long answers at once, for ever."""
        for turn in itertools.count():
            self.streams([f"{turn} {one}: write a very long story." for one in range(streams)], FLOOD_TOKENS)

    async def _answers(self, numbers: Iterable[int], tokens: int) -> list[Paced[Answer]]:
        cores = (self._core,)
        return [await paced(self._core, cores, partial(self._answer, one, tokens)) for one in numbers]

    async def _answer(self, number: int, tokens: int) -> Answer:
        begun = time.perf_counter()
        handle = self._add(prompt(number), tokens)
        first = last = 0.0
        written = 0
        while handle.get_status() == genai.GenerationStatus.RUNNING:
            self._pipeline.step()
            now = time.perf_counter()
            while handle.can_read():
                written += sum(len(output.generated_ids) for output in handle.read().values())
                first, last = first or now, now
        return Answer(first - begun, last - first, written)


class BareTranscripts:
    """The engine of a speech host, which hears one recording: no gateway, no host and no client."""

    def __init__(self, recording: Path, config: EngineConfig) -> None:
        self._core = config.cores[0]
        self._engine = WhisperSpeechEngine.load(config)
        sound = b"".join(decode(recording.read_bytes(), "wav", LONGEST_SECONDS * SAMPLE_RATE))
        self._request = SpeechRequest("whisper", Audio(memoryview(sound)), language="en")

    def transcripts(self, count: int) -> list[Paced[Transcript]]:
        """Time so many transcripts, one after the other."""
        return asyncio.run(self._transcripts(count))

    def flood(self, streams: int) -> None:
        """Hear the recording so many times at once, for ever."""
        asyncio.run(self._flood(streams))

    async def _transcripts(self, count: int) -> list[Paced[Transcript]]:
        return [await paced(self._core, (self._core,), self._hear) for _ in range(count)]

    async def _flood(self, streams: int) -> None:
        await asyncio.gather(*(self._hear_on() for _ in range(streams)))

    async def _hear_on(self) -> None:
        while True:
            await self._hear()

    async def _hear(self) -> Transcript:
        begun = time.perf_counter()
        events = [event async for event in self._engine.transcribe(self._request)]
        assert events
        return Transcript(time.perf_counter() - begun, self._request.audio.seconds)
