"""One sequence that the engine writes, and the request that it belongs to."""

import asyncio
from collections.abc import Sequence
from typing import Any

from sayso.core.chat import ChatEvent, ChoiceFinished, Finished, FinishReason
from sayso.core.usage import TokenUsage
from sayso.engines.base import Outlet
from sayso.engines.openvino.calls import Reader
from sayso.engines.openvino.text import TextStream
from sayso.errors import EngineError


class Job:
    """A request: its choices, and the events that wait for the caller.

    Only the step thread touches it between submission and delivery, apart from `abandoned`, which the
    caller sets under the step loop's lock.
    """

    def __init__(
        self, prompt_tokens: int, share: str = "", *, whole: bool = False, outlet: Outlet | None = None
    ) -> None:
        self.prompt_tokens = prompt_tokens
        self.share = share  # requests of different shares take turns
        self.outlet = outlet
        self.whole = whole  # nobody reads it before it is complete
        self.begun_tokens = 0  # of the prompts that the engine was given
        self.cached_tokens = 0
        self.completion_tokens = 0
        self.unfinished = 0
        self.abandoned = False
        self.stopped = asyncio.Event()  # set once an abandoned request writes no more
        self.loop = asyncio.get_running_loop()
        self.events: asyncio.Queue[list[ChatEvent | EngineError]] = asyncio.Queue()

    def used(self) -> TokenUsage:
        """Return what was used until now: the prompts that the engine was given, and all that was written."""
        return TokenUsage(self.begun_tokens, self.completion_tokens, self.cached_tokens)

    def finished(self) -> Finished:
        """Return the last event."""
        return Finished(TokenUsage(self.prompt_tokens, self.completion_tokens, self.cached_tokens))


class Choice:
    """A sequence: prompt, settings and what has become of it."""

    def __init__(
        self,
        job: Job,
        index: int,
        prompt: Sequence[int],
        settings: Any,
        text: TextStream,
        reader: Reader,
        leader: "Choice | None" = None,
        *,
        counts_prompt: bool = True,
    ) -> None:
        job.unfinished += 1
        self.counts_prompt = counts_prompt  # the first choice of each prompt does
        self.job = job
        self.index = index
        self.prompt = prompt
        self.settings = settings  # an openvino_genai.GenerationConfig
        self.leader = leader  # a choice of the same prompt, whose work in the prefix cache this one shares
        self.handle: Any = None
        self.written: list[int] = []
        self.prefilled = False
        self.logprobs = bool(settings.logprobs)
        self._text = text
        self._reader = reader

    def take(self, tokens: Sequence[int], logprobs: Sequence[float]) -> tuple[list[ChatEvent], bool]:
        """Take new tokens; return what they mean and whether the choice wants no more."""
        events: list[ChatEvent] = []
        for at, token in enumerate(tokens):
            self.written.append(token)
            self.job.completion_tokens += 1
            text = self._text.push(token, logprobs[at] if self.logprobs else None)
            found = self._text.take_logprobs() if self.logprobs else ()
            if text or found:
                events += self._reader.feed(text, found, self.job.completion_tokens)
            if self._text.stopped or self._reader.full:
                return events, True
        return events, False

    def end(self, reason: FinishReason) -> list[ChatEvent]:
        """Return the choice's last events, and the request's where this was its last choice."""
        job = self.job
        text = self._text.flush()
        found = self._text.take_logprobs() if self.logprobs else ()
        events = self._reader.feed(text, found, job.completion_tokens) if text or found else []
        events += self._reader.end(job.completion_tokens)
        events.append(ChoiceFinished(self.index, self._reader.reason(reason), job.completion_tokens))
        job.unfinished -= 1
        if not job.unfinished:
            events.append(job.finished())
        return events
