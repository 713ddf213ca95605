"""Whether real work would be answered: a real generation and a real transcription, remembered for a while."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import aclosing
from dataclasses import dataclass
from importlib.resources import files

from sayso.core.chat import ChatRequest, Finished, Message
from sayso.core.speech import Audio, SpeechFinished, SpeechRequest
from sayso.engines.base import ChatEngine, SpeechEngine
from sayso.errors import EngineError, EngineOverloaded

REMEMBER_SECONDS = 5.0
PROBE_SECONDS = 10.0
_WAV_HEADER_BYTES = 44


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """An engine's last probe: `failure` is empty where it answered."""

    engine: str
    failure: str
    at: float


class Readiness:
    """Probes engines by their snapshot ids; answers from memory for `REMEMBER_SECONDS`.

    An engine that says itself that it is away is probed at once.
    """

    def __init__(self, chat: Mapping[str, ChatEngine], speech: Mapping[str, SpeechEngine]) -> None:
        self._chat = chat
        self._speech = speech
        self._last: dict[str, ProbeResult] = {}
        self._lock = asyncio.Lock()

    async def failures(self) -> dict[str, str]:
        """Return every engine with why it is not ready, an empty text where it is."""
        async with self._lock:  # many probes at once cost one generation
            names = [*self._chat, *self._speech]
            stale = [name for name in names if await self._stale(name)]
            await asyncio.gather(*(self._probe(name) for name in stale))
            return {name: self._last[name].failure for name in names}

    async def _stale(self, name: str) -> bool:
        last = self._last.get(name)
        if last is None or time.monotonic() - last.at > REMEMBER_SECONDS or last.failure:
            return True
        try:
            await (self._chat.get(name) or self._speech[name]).info()
        except EngineError:
            return True
        return False

    async def _probe(self, name: str) -> None:
        failure = ""
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                if name in self._chat:
                    await self._generate(name)
                else:
                    await self._transcribe(name)
        except EngineOverloaded:
            pass  # a full queue is work, not a fault
        except EngineError as error:
            failure = error.message
        except TimeoutError:
            failure = f"no answer within {PROBE_SECONDS:g} s"
        self._last[name] = ProbeResult(name, failure, time.monotonic())

    async def _generate(self, name: str) -> None:
        engine = self._chat[name]
        await engine.info()
        request = ChatRequest(name, (Message("user", "Hi"),), max_tokens=1)
        async with aclosing(engine.chat(request)) as events:
            async for event in events:
                if isinstance(event, Finished) and event.usage.completion_tokens < 1:
                    raise EngineError("a generation of one token gave none")

    async def _transcribe(self, name: str) -> None:
        engine = self._speech[name]
        await engine.info()
        sound = files("sayso.inference").joinpath("probe.wav").read_bytes()
        audio = Audio(memoryview(sound)[_WAV_HEADER_BYTES:])
        finished = False
        async with aclosing(engine.transcribe(SpeechRequest(name, audio, language="en"))) as events:
            async for event in events:
                finished = isinstance(event, SpeechFinished)
        if not finished:
            raise EngineError("a transcription did not finish")
