"""A transcript or translation in OpenAI's five response formats."""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.audio.subtitles import srt, vtt
from sayso.core.chat import JsonObject
from sayso.core.languages import language_name
from sayso.core.speech import SAMPLE_RATE, Segment, Span, Task, Word
from sayso.core.usage import AudioUsage

ResponseFormat: TypeAlias = Literal["json", "text", "srt", "verbose_json", "vtt"]
Granularity: TypeAlias = Literal["word", "segment"]

SEGMENTS_ONLY: frozenset[Granularity] = frozenset({"segment"})


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was heard. `language` is the spoken one's code; `usage` is the whole audio's.

    `coverage` is None where nobody asked for it, and empty where the engine does not say.
    """

    task: Task
    language: str
    usage: AudioUsage
    segments: tuple[Segment, ...]
    coverage: tuple[Span, ...] | None = None

    @property
    def text(self) -> str:
        """The segments' texts joined, without the spaces around them."""
        return joined_text(self.segments)


def joined_text(segments: Sequence[Segment]) -> str:
    """Join segments' texts, which carry their own spaces."""
    return "".join(segment.text for segment in segments).strip()


def render(
    transcript: Transcript,
    response_format: ResponseFormat,
    granularities: AbstractSet[Granularity] = SEGMENTS_ONLY,
) -> JsonObject | str:
    """Return a JSON object, or for text, srt and vtt the plain text of the body.

    `granularities` says whether verbose_json has words, segments or both; translations have segments.
    """
    match response_format:
        case "json":
            return _json(transcript)
        case "text":
            return transcript.text + "\n"
        case "srt":
            return srt(transcript.segments)
        case "vtt":
            return vtt(transcript.segments)
        case "verbose_json":
            return _verbose_json(transcript, granularities)


def _json(transcript: Transcript) -> JsonObject:
    body: JsonObject = {"text": transcript.text}
    return body | _usage(transcript)


def _verbose_json(transcript: Transcript, granularities: AbstractSet[Granularity]) -> JsonObject:
    translated = transcript.task == "translate"
    body: JsonObject = {
        "task": transcript.task,
        "language": "english" if translated else language_name(transcript.language),
        "duration": transcript.usage.seconds,
        "text": transcript.text,
    }
    if "word" in granularities and not translated:
        body["words"] = [_word(word) for segment in transcript.segments for word in segment.words]
    if "segment" in granularities or translated:
        body["segments"] = [_segment(segment) for segment in transcript.segments]
    if transcript.coverage is not None:
        body["coverage"] = [_span(span) for span in transcript.coverage]
    return body | _usage(transcript)


def _usage(transcript: Transcript) -> JsonObject:
    """Return the member `usage`, which translations do not have."""
    if transcript.task == "translate":
        return {}
    return {"usage": {"type": "duration", "seconds": transcript.usage.whole_seconds}}


def _word(word: Word) -> JsonObject:
    return {"word": word.word.strip(), "start": word.start, "end": word.end}


def _span(span: Span) -> JsonObject:
    return {
        "state": span.state,
        "start": span.begin / SAMPLE_RATE,
        "end": span.end / SAMPLE_RATE,
        "samples": span.samples,
    }


def _segment(segment: Segment) -> JsonObject:
    return {
        "id": segment.id,
        "seek": segment.seek,
        "start": segment.start,
        "end": segment.end,
        "text": segment.text,
        "tokens": list(segment.tokens),
        "temperature": segment.temperature,
        "avg_logprob": segment.avg_logprob,
        "compression_ratio": segment.compression_ratio,
        "no_speech_prob": segment.no_speech_prob,
    }
