"""Speech requests and events on the wire."""

import struct
from collections.abc import Iterator
from typing import Any

import orjson

from sayso.core.speech import (
    BYTES_PER_SAMPLE,
    SAMPLE_RATE,
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
from sayso.core.usage import AudioUsage
from sayso.errors import InvalidRequest

_WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
_PIECE = 1 << 18


def wav_header(audio: Audio) -> bytes:
    """Return the 44-byte RIFF header of `audio` (PCM, mono, 16 kHz, 16 bits)."""
    size = audio.pcm.nbytes
    return _WAV_HEADER.pack(
        b"RIFF",
        min(size + 36, 0xFFFFFFFF),
        b"WAVE",
        b"fmt ",
        16,
        1,
        1,
        SAMPLE_RATE,
        SAMPLE_RATE * BYTES_PER_SAMPLE,
        BYTES_PER_SAMPLE,
        8 * BYTES_PER_SAMPLE,
        b"data",
        min(size, 0xFFFFFFFF),
    )


def read_wav(content: memoryview) -> Audio:
    """Return the audio of a WAV that `wav_header` began. Raises `InvalidRequest` for any other."""
    if len(content) < _WAV_HEADER.size or bytes(content[:4]) != b"RIFF":
        raise InvalidRequest("an engine host takes WAV (PCM, mono, 16 kHz, 16 bits) only", param="file")
    header = _WAV_HEADER.unpack_from(content)
    if header[5:8] != (1, 1, SAMPLE_RATE) or header[11] != b"data":
        raise InvalidRequest("an engine host takes WAV (PCM, mono, 16 kHz, 16 bits) only", param="file")
    return Audio(content[_WAV_HEADER.size :])


def multipart_parts(
    fields: list[tuple[str, str]], audio: Audio, boundary: str
) -> Iterator[bytes | memoryview]:
    """Yield a multipart/form-data body with `fields` and the audio as `file`, in pieces of 256 KiB."""
    for name, value in fields:
        yield (f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n').encode()
    yield (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="audio.wav"\r\n'
        "Content-Type: audio/wav\r\n\r\n"
    ).encode()
    yield wav_header(audio)
    for start in range(0, audio.pcm.nbytes, _PIECE):
        yield audio.pcm[start : start + _PIECE]
    yield f"\r\n--{boundary}--\r\n".encode()


def encode_fields(request: SpeechRequest, model: str) -> list[tuple[str, str]]:
    """Return the form fields for `request`; the task is the endpoint's."""
    fields = [
        ("model", model),
        ("response_format", "verbose_json"),
        ("temperature", f"{request.temperature:g}"),
    ]
    if request.language is not None:
        fields.append(("language", request.language))
    if request.prompt is not None:
        fields.append(("prompt", request.prompt))
    if request.task == "transcribe":
        fields.append(("timestamp_granularities[]", "segment"))
        if request.word_timestamps:
            fields.append(("timestamp_granularities[]", "word"))
    elif request.word_timestamps:
        fields.append(("timestamp_granularities[]", "word"))
    return fields


def encode_speech_event(event: SpeechEvent) -> bytes:
    """Return the SSE frame for `event`."""
    match event:
        case SpeechStarted():
            body: dict[str, Any] = {
                "type": "transcript.started",
                "language": event.language,
                "probability": event.probability,
            }
        case Segment():
            body = {"type": "transcript.text.segment", **encode_segment(event)}
        case SpeechFinished():
            body = {"type": "transcript.text.done", "samples": event.usage.samples}
            if event.coverage:
                body["coverage"] = [[span.state, span.begin, span.end] for span in event.coverage]
            return b"data: " + orjson.dumps(body) + b"\n\ndata: [DONE]\n\n"
    return b"data: " + orjson.dumps(body) + b"\n\n"


def decode_speech_event(body: dict[str, Any]) -> SpeechEvent | None:
    """Return the event of one frame, None for a kind that is not ours."""
    match body.get("type"):
        case "transcript.started":
            return SpeechStarted(body["language"], body["probability"])
        case "transcript.text.segment":
            return decode_segment(body)
        case "transcript.text.done":
            spans = tuple(Span(*span) for span in body.get("coverage", ()))
            return SpeechFinished(AudioUsage(body["samples"]), spans)
        case _:
            return None


def encode_languages(found: tuple[LanguageProbability, ...]) -> bytes:
    """Return the SSE frames for a language detection."""
    body = {"languages": [{"language": item.language, "probability": item.probability} for item in found]}
    return b"data: " + orjson.dumps(body) + b"\n\ndata: [DONE]\n\n"


def encode_segment(segment: Segment) -> dict[str, Any]:
    """Return a verbose_json segment, with its words inside."""
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
        "words": [
            {"word": word.word, "start": word.start, "end": word.end, "probability": word.probability}
            for word in segment.words
        ],
    }


def decode_segment(body: dict[str, Any]) -> Segment:
    """Read a segment, from our host or from a foreign verbose_json."""
    return Segment(
        id=body.get("id") or 0,
        seek=body.get("seek") or 0,
        start=float(body["start"]),
        end=float(body["end"]),
        text=body["text"],
        tokens=tuple(body.get("tokens") or ()),
        temperature=body.get("temperature") or 0.0,
        avg_logprob=body.get("avg_logprob") or 0.0,
        compression_ratio=body.get("compression_ratio") or 0.0,
        no_speech_prob=body.get("no_speech_prob") or 0.0,
        words=tuple(decode_word(word) for word in body.get("words") or ()),
    )


def decode_word(body: dict[str, Any]) -> Word:
    """Read a word with its times."""
    return Word(body["word"], float(body["start"]), float(body["end"]), body.get("probability") or 0.0)
