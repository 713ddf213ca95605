"""A speech engine that is another server's."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

from sayso.core.languages import language_code
from sayso.core.speech import (
    Audio,
    LanguageProbability,
    Segment,
    SpeechEvent,
    SpeechFinished,
    SpeechRequest,
    SpeechStarted,
    Word,
)
from sayso.engines.base import EngineInfo
from sayso.engines.upstream.connection import Connection
from sayso.engines.upstream.last_refusal import LastRefusal
from sayso.engines.wire.errors import MissingUpstream
from sayso.engines.wire.speech import decode_segment, decode_speech_event, decode_word, encode_fields
from sayso.errors import EngineFailed, UnsupportedParameter

_PATHS = {"transcribe": "/audio/transcriptions", "translate": "/audio/translations"}


class UpstreamSpeechEngine:
    """Asks `model` of the server at `connection`.

    `events` says that the server is one of our hosts, which sends segments as they come; a foreign server
    answers with one verbose_json document at the end.
    """

    def __init__(self, connection: Connection, model: str, info: EngineInfo, *, events: bool = False) -> None:
        self._connection = connection
        self._model = model
        self._info = info
        self._events = events
        self._refusal = LastRefusal()

    async def info(self) -> EngineInfo:
        """Describe the engine."""
        return self._info

    def check_room(self) -> None:
        """Raise `EngineOverloaded` while the server's last refusal holds."""
        self._refusal.check()

    async def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        """Transcribe or translate."""
        fields = encode_fields(request, self._model)
        if self._events:
            fields.append(("stream", "true"))
            if request.coverage:
                fields.append(("coverage", "true"))
        answers = self._connection.post_audio(_PATHS[request.task], fields, request.audio)
        with self._refusal.heeded():
            async with aclosing(answers):
                async for body in answers:
                    if self._events:
                        event = decode_speech_event(body)
                        if event is not None:
                            yield event
                    else:
                        for event in _whole_answer(body, request):
                            yield event

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        """Return the languages that the server finds probable."""
        fields = [("model", self._model)]
        if not self._events:
            fields.append(("limit", "100"))
        answers = self._connection.post_audio("/audio/languages", fields, audio)
        try:
            with self._refusal.heeded():
                async with aclosing(answers):
                    async for body in answers:
                        return tuple(
                            LanguageProbability(item["language"], item["probability"])
                            for item in body["languages"]
                        )
        except MissingUpstream:
            raise UnsupportedParameter(
                "model", f"The model `{model}` is served by an upstream that can not detect languages."
            ) from None
        raise EngineFailed("The engine's answer ended too early.")


def _whole_answer(body: dict[str, Any], request: SpeechRequest) -> list[SpeechEvent]:
    words = [decode_word(word) for word in body.get("words") or ()]
    segments = [decode_segment(segment) for segment in body.get("segments") or ()]
    if not segments and body.get("text"):
        segments = [_only_segment(body["text"], request)]
    return [
        SpeechStarted(_language(body) or request.language or "en", 1.0),
        *(_with_words(segment, words) for segment in segments),
        SpeechFinished(request.audio.usage),
    ]


def _language(body: dict[str, Any]) -> str | None:
    """Return the code for what servers say: `english`, as OpenAI does, or `en`."""
    return language_code(str(body.get("language") or ""))


def _only_segment(text: str, request: SpeechRequest) -> Segment:
    return Segment(0, 0, 0.0, request.audio.seconds, text, (), request.temperature, 0.0, 0.0, 0.0)


def _with_words(segment: Segment, words: list[Word]) -> Segment:
    own = tuple(word for word in words if segment.start <= (word.start + word.end) / 2 < segment.end)
    if not own or segment.words:
        return segment
    return replace(segment, words=own)
