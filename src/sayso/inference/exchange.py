"""What a request said and what it has been answered so far, for those who want it kept."""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import orjson

from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    Json,
    Started,
    TextDelta,
    ToolCallDelta,
)
from sayso.core.collected import CollectedChoice
from sayso.core.speech import (
    LanguageProbability,
    Segment,
    SpeechEvent,
    SpeechFinished,
    SpeechStarted,
)
from sayso.core.usage import TokenUsage

_OPTIONS = orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS

Asked: TypeAlias = ChatRequest | CompletionRequest | Mapping[str, Json]


def canonical(value: object) -> bytes:
    """Return `value`, dataclasses too, as JSON with sorted keys and no spaces."""
    return orjson.dumps(value, option=_OPTIONS)


class HeardAnswer:
    """Collects the events of one answer, of whatever kind; `with_logprobs` keeps what tells of tokens."""

    def __init__(self, *, with_logprobs: bool = False) -> None:
        self._with_logprobs = with_logprobs
        self._choices: dict[int, CollectedChoice] = {}
        self._usage: TokenUsage | None = None
        self._language: str | None = None
        self._segments: list[Segment] = []
        self._languages: Sequence[LanguageProbability] = ()

    def hear(self, event: ChatEvent | SpeechEvent) -> None:
        """Take the next event."""
        match event:
            case TextDelta() | ToolCallDelta() | ChoiceFinished():
                self._choice(event.index).take(event, with_logprobs=self._with_logprobs)
            case Finished():
                self._usage = event.usage
            case Segment():
                self._segments.append(event)
            case SpeechStarted():
                self._language = event.language
            case Started() | SpeechFinished():
                pass

    def hear_languages(self, found: Sequence[LanguageProbability]) -> None:
        """Take the answer of a language detection."""
        self._languages = found

    def values(self) -> dict[str, object]:
        """Return what has been said; only what there is has a name."""
        said: dict[str, object] = {}
        if self._choices:
            said["choices"] = [_shown(index, self._choices[index]) for index in sorted(self._choices)]
        if self._usage is not None:
            said["usage"] = self._usage
        if self._language is not None:
            said["language"] = self._language
            said["segments"] = [
                {"start": segment.start, "end": segment.end, "text": segment.text}
                for segment in self._segments
            ]
        if self._languages:
            said["languages"] = self._languages
        return said

    def _choice(self, index: int) -> CollectedChoice:
        choice = self._choices.get(index)
        if choice is None:
            choice = self._choices[index] = CollectedChoice()
        return choice


def _shown(index: int, choice: CollectedChoice) -> dict[str, object]:
    shown: dict[str, object] = {
        "index": index,
        "text": "".join(choice.text),
        "finish_reason": choice.reason,
    }
    if choice.calls:
        calls = (choice.calls[place] for place in sorted(choice.calls))
        shown["tool_calls"] = [
            {"id": call.id, "name": call.name, "arguments": "".join(call.arguments)} for call in calls
        ]
    if choice.logprobs:
        shown["logprobs"] = choice.logprobs
    return shown
