"""A scripted engine: deterministic answers without a model, for tests and for documentation.

A token is a word with the space before it. The script is JSON: `{"reply": "text", "token_seconds": 0.0,
"fail_after": null, "refuse": null}`. Without a reply the engine repeats the last message. `fail_after` breaks
the engine after that many tokens, `refuse` answers `overloaded` or `unavailable` before anything starts.
"""

import asyncio
import json
import re
from collections import OrderedDict
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any

from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    FinishReason,
    NamedTool,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from sayso.core.speech import (
    Audio,
    LanguageProbability,
    Segment,
    Span,
    SpeechEvent,
    SpeechFinished,
    SpeechRequest,
    SpeechStarted,
    Word,
)
from sayso.core.usage import TokenUsage
from sayso.engines.base import EngineInfo
from sayso.engines.config import EngineConfig
from sayso.engines.fingerprint import build_of, fingerprint
from sayso.engines.slots import Slots
from sayso.errors import (
    ContextLengthExceeded,
    EngineFailed,
    EngineOverloaded,
    EngineUnavailable,
    UnsupportedParameter,
)

_REMEMBERED = 1024  # requests
_WORD = re.compile(r"\s*\S+")


@dataclass(frozen=True, slots=True)
class Script:
    """What the fake engine does; the module's docstring says what each field means."""

    reply: str | None = None
    token_seconds: float = 0.0
    fail_after: int | None = None
    refuse: str | None = None


@dataclass(slots=True)
class _Tally:
    prompt_tokens: int = 0
    written: int = 0
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class _Plan:
    tally: _Tally
    prompt_tokens: int
    text: str
    max_tokens: int
    choices: int
    stop: tuple[str, ...]
    logprobs: bool


class FakeEngine:
    """Both kinds of engine at once."""

    def __init__(
        self,
        script: Script = Script(),
        *,
        context_length: int = 4096,
        slots: Slots | None = None,
        fingerprint: str = "fp_fake",
    ) -> None:
        self.script = script
        self.fingerprint = fingerprint
        self.context_length = context_length
        self.generated = 0
        self._tallies: OrderedDict[str, _Tally] = OrderedDict()
        self._slots = slots or Slots(running=32, waiting=64)

    @property
    def running(self) -> int:
        """How many requests run now."""
        return self._slots.running

    @classmethod
    def load(cls, config: EngineConfig) -> "FakeEngine":
        """Read the script out of `config`."""
        script: dict[str, Any] = json.loads(config.script) if config.script else {}
        slots = Slots(config.max_concurrency, config.queue_depth)
        context = config.context_length or 4096
        name = fingerprint(config.digest, build_of("fake"), {"context_length": context, "script": script})
        return cls(Script(**script), context_length=context, slots=slots, fingerprint=name)

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return EngineInfo(
            self.fingerprint,
            self.context_length,
            running=self.running,
            waiting=self._slots.waiting,
            generated=self.generated,
        )

    async def stop(self, request_id: str) -> TokenUsage | None:
        """Return what a request used; it writes no more, should its stream not have ended yet."""
        tally = self._tallies.get(request_id)
        if tally is None:
            return None
        tally.stopped = True
        return TokenUsage(tally.prompt_tokens, tally.written)

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer with the script's reply, or call a tool where one is forced."""
        self._refuse(request.sampling.logit_bias)
        words = [word for message in request.messages for word in tokens(message.content or "")]
        plan = self._fit(len(words), request.max_tokens, "messages")
        place = self._slots.ticket()
        tally = self._tally(request.id, plan if place.done() else 0)
        with self._slots.keep(place):
            yield Started(plan)
        async with self._slots.hold(place):
            tally.prompt_tokens = plan
            forced = request.tool_choice
            if request.tools and (forced == "required" or isinstance(forced, NamedTool)):
                async for event in self._call(request, tally):
                    yield event
                return
            text = self.script.reply
            if text is None:
                text = request.messages[-1].content or ""
            budget = request.max_tokens or self.context_length - plan
            details = _Plan(tally, plan, text, budget, request.n, request.stop, request.logprobs)
            async for event in self._speak(details):
                yield event

    async def complete(self, request: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        """Answer every prompt with the script's reply."""
        self._refuse(request.sampling.logit_bias)
        count = sum(len(tokens(p)) if isinstance(p, str) else len(p) for p in request.prompts)
        prompt_tokens = self._fit(count, request.max_tokens, "prompt")
        place = self._slots.ticket()
        tally = self._tally(request.id, prompt_tokens if place.done() else 0)
        with self._slots.keep(place):
            yield Started(prompt_tokens)
        async with self._slots.hold(place):
            tally.prompt_tokens = prompt_tokens
            first = request.prompts[0]
            text = self.script.reply or (first if isinstance(first, str) else "ids")
            choices = request.n * len(request.prompts)
            details = _Plan(
                tally,
                prompt_tokens,
                text,
                request.max_tokens,
                choices,
                request.stop,
                request.logprobs is not None,
            )
            async for event in self._speak(details):
                yield event

    def check_room(self) -> None:
        """Raise `EngineOverloaded` where the script refuses."""
        if self.script.refuse == "overloaded":
            raise EngineOverloaded("The engine's queue is full.")

    async def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Answer with one segment per second of audio, the script's reply in each."""
        self._refuse({})
        async with self._slots.hold(self._slots.ticket()):
            yield SpeechStarted(request.language or "en", 0.9)
            text = self.script.reply or "word"
            for second in range(max(1, round(request.audio.seconds))):
                await asyncio.sleep(self.script.token_seconds)
                if self.script.fail_after is not None and second >= self.script.fail_after:
                    raise EngineFailed("The engine failed, as its script says.")
                words = (
                    (Word(f" {text}", float(second), second + 0.5, 0.9),) if request.word_timestamps else ()
                )
                yield Segment(
                    second, second * 100, second, second + 1.0, f" {text}", (1, 2), 0.0, -0.1, 1.0, 0.0, words
                )
            spans = (Span("speech", 0, request.audio.samples),) if request.coverage else ()
            yield SpeechFinished(request.audio.usage, spans)

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        """Find English, probably."""
        self._refuse({})
        return (LanguageProbability("en", 0.9), LanguageProbability("de", 0.1))

    async def _speak(self, plan: _Plan) -> AsyncGenerator[ChatEvent, None]:
        text, reason = _cut(plan)
        done = 0
        for word in tokens(text):
            for index in range(plan.choices):
                await self._step(done, plan.tally)
                done += 1
                raw = tuple(word.encode())
                items = (TokenLogprob(word, raw, -0.25),) if plan.logprobs else ()
                yield TextDelta(index, word, items, done)
        for index in range(plan.choices):
            yield ChoiceFinished(index, reason, done)
        yield Finished(TokenUsage(plan.prompt_tokens, done))

    async def _call(self, request: ChatRequest, tally: _Tally) -> AsyncGenerator[ChatEvent, None]:
        choice = request.tool_choice
        name = choice.name if isinstance(choice, NamedTool) else request.tools[0].name
        for index in range(request.n):
            await self._step(index, tally)
            yield ToolCallDelta(index, 0, "", f"call_{index:024x}", name, index + 1)
            yield ToolCallDelta(index, 0, "{}", completion_tokens=index + 1)
            reason: FinishReason = "stop" if isinstance(choice, NamedTool) else "tool_calls"
            yield ChoiceFinished(index, reason, index + 1)
        yield Finished(TokenUsage(tally.prompt_tokens, request.n))

    async def _step(self, done: int, tally: _Tally) -> None:
        await asyncio.sleep(self.script.token_seconds)
        if tally.stopped:
            raise EngineFailed("The request was stopped.")
        if self.script.fail_after is not None and done >= self.script.fail_after:
            raise EngineFailed("The engine failed, as its script says.")
        self.generated += 1
        tally.written += 1

    def _tally(self, request_id: str, prompt_tokens: int) -> _Tally:
        tally = _Tally(prompt_tokens)
        if request_id:
            self._tallies[request_id] = tally
            if len(self._tallies) > _REMEMBERED:
                self._tallies.popitem(last=False)
        return tally

    def _refuse(self, logit_bias: object) -> None:
        if logit_bias:
            raise UnsupportedParameter("logit_bias")
        match self.script.refuse:
            case "overloaded":
                raise EngineOverloaded("The engine's queue is full.")
            case "unavailable":
                raise EngineUnavailable("The engine is not ready.")
            case _:
                pass

    def _fit(self, prompt_tokens: int, max_tokens: int | None, param: str) -> int:
        if prompt_tokens + (max_tokens or 0) > self.context_length:
            raise ContextLengthExceeded(
                context_length=self.context_length,
                prompt_tokens=prompt_tokens,
                completion_tokens=max_tokens or 0,
                param=param,
            )
        return prompt_tokens


def tokens(text: str) -> list[str]:
    """Split `text` into the fake engine's tokens."""
    return _WORD.findall(text)


def _cut(plan: _Plan) -> tuple[str, FinishReason]:
    text = "".join(tokens(plan.text)[: plan.max_tokens])
    ends = [found for found in (text.find(stop) for stop in plan.stop) if found >= 0]
    if ends:
        return text[: min(ends)], "stop"
    return text, "length" if len(tokens(plan.text)) > plan.max_tokens else "stop"
