from typing import Any

import orjson
import pytest
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent

from sayso.api.openai.audio_request import detection_call, transcription_call, translation_call
from sayso.api.openai.audio_stream import TranscriptStreamEncoder
from sayso.core.speech import Segment, SpeechEvent, SpeechFinished, SpeechStarted
from sayso.core.usage import AudioUsage
from sayso.errors import InvalidRequest


def fields(**values: Any) -> dict[str, list[str]]:
    lists = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
    return {"model": ["whisper-1"], **lists}


def test_defaults() -> None:
    call = transcription_call(fields(), "reject")
    assert (call.task, call.response_format, call.temperature, call.language) == (
        "transcribe",
        "json",
        0.0,
        None,
    )
    assert call.granularities == {"segment"}
    assert not call.stream


def test_empty_fields_are_absent() -> None:
    empty = dict.fromkeys(
        ("language", "prompt", "response_format", "temperature", "stream", "chunking_strategy"), ""
    )
    assert transcription_call(fields(**empty), "reject") == transcription_call(fields(), "reject")


@pytest.mark.parametrize("name", ["json", "text", "srt", "verbose_json", "vtt"])
def test_the_five_formats(name: str) -> None:
    assert transcription_call(fields(response_format=name), "reject").response_format == name
    assert translation_call(fields(response_format=name), "reject").response_format == name


def test_everything_given() -> None:
    call = transcription_call(
        fields(
            language="DE",
            prompt="p",
            temperature="0.5",
            response_format="verbose_json",
            timestamp_granularities=["word", "segment"],
            chunking_strategy="auto",
            stream="False",
        ),
        "reject",
    )
    assert (call.language, call.prompt, call.temperature) == ("de", "p", 0.5)
    assert call.granularities == {"word", "segment"}


@pytest.mark.parametrize(
    ("values", "param", "code"),
    [
        ({"model": []}, "model", "missing_required_parameter"),
        ({"model": ""}, "model", "missing_required_parameter"),
        ({"model": ["a", "b"]}, "model", "invalid_type"),
        ({"model": "m" * 257}, "model", "string_above_max_length"),
        ({"language": "klingon"}, "language", "invalid_value"),
        ({"response_format": "xml"}, "response_format", "invalid_value"),
        ({"response_format": "diarized_json"}, "response_format", "unsupported_parameter"),
        ({"temperature": "warm"}, "temperature", "invalid_type"),
        ({"temperature": "nan"}, "temperature", "invalid_type"),
        ({"temperature": "-0.1"}, "temperature", "decimal_below_min_value"),
        ({"temperature": "1.1"}, "temperature", "decimal_above_max_value"),
        ({"timestamp_granularities": ["word"]}, "timestamp_granularities", "invalid_parameter_combination"),
        (
            {"timestamp_granularities": ["hour"], "response_format": "verbose_json"},
            "timestamp_granularities[0]",
            "invalid_value",
        ),
        ({"include": ["logprobs"]}, "include", "unsupported_parameter"),
        ({"known_speaker_names": ["a"]}, "known_speaker_names", "unsupported_parameter"),
        ({"known_speaker_references": ["a"]}, "known_speaker_references", "unsupported_parameter"),
        ({"languages": ["en"]}, "languages", "unsupported_parameter"),
        ({"keywords": ["a"]}, "keywords", "unsupported_parameter"),
        ({"chunking_strategy": "server_vad"}, "chunking_strategy", "unsupported_parameter"),
        ({"chunking_strategy[type]": "server_vad"}, "chunking_strategy", "unsupported_parameter"),
        ({"stream": "maybe"}, "stream", "invalid_type"),
        ({"stream": "true", "response_format": "srt"}, "response_format", "invalid_parameter_combination"),
        ({"prompt": "p" * 20_000}, "prompt", "string_above_max_length"),
        ({"mood": "x"}, "mood", "unknown_parameter"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_refused(values: dict[str, Any], param: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        transcription_call(fields(**values), "reject")
    assert (caught.value.param, caught.value.code) == (param, code)


def test_vendor_extras_are_ignored_by_default() -> None:
    assert transcription_call(fields(vad_filter="true"), "ignore") == transcription_call(fields(), "ignore")


def test_a_translation_has_fewer_fields() -> None:
    assert translation_call(fields(), "reject").task == "translate"
    with pytest.raises(InvalidRequest) as caught:
        translation_call(fields(stream="true"), "reject")
    assert caught.value.code == "unknown_parameter"


@pytest.mark.parametrize("limit", ["0", "-1", "x", "1.5", "²", "99999"])
def test_a_detection_s_limit(limit: str) -> None:
    assert detection_call(fields(limit="7"), "reject").limit == 7
    with pytest.raises(InvalidRequest) as caught:
        detection_call(fields(limit=limit), "reject")
    assert caught.value.param == "limit"


def segment(text: str) -> Segment:
    return Segment(0, 0, 0.0, 1.0, text, (), 0.0, -0.1, 1.0, 0.0)


def test_deltas_joined_are_the_text() -> None:
    encoder = TranscriptStreamEncoder()
    texts = ("  ", " Hello", "", " there. ", " ", "Bye ")
    events: list[SpeechEvent] = [
        SpeechStarted("en", 1.0),
        *map(segment, texts),
        SpeechFinished(AudioUsage(24_000)),
    ]
    lines = b"".join(map(encoder.encode, events)).decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    *deltas, done = (orjson.loads(line.removeprefix("data: ")) for line in lines[:-2])
    parsed = [TranscriptionTextDeltaEvent.model_validate(delta, strict=True).delta for delta in deltas]
    assert TranscriptionTextDoneEvent.model_validate(done, strict=True).text == "".join(parsed)
    assert parsed == ["Hello", " there.", "  Bye"]
    assert done["duration"] == 1.5
