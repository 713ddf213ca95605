import json
from dataclasses import replace

import pytest
from openai.types.audio import Transcription, TranscriptionVerbose, Translation, TranslationVerbose
from pydantic import BaseModel, ConfigDict, create_model

from sayso.audio.formats import Granularity, Transcript, joined_text, render
from sayso.core.speech import Segment, Span, Task, Word
from sayso.core.usage import AudioUsage

WORDS = (Word(" Go", 0.0, 0.4, 0.9), Word(" on,", 0.4, 0.9, 0.8))
FIRST = Segment(0, 0, 0.0, 1.0, " Go on,", (50364, 1022, 322), 0.0, -0.2, 0.7, 0.01, WORDS)
SECOND = Segment(
    1, 0, 1.0, 2.5, " said he.", (50414, 848), 0.0, -0.3, 0.8, 0.02, (Word(" said", 1.0, 1.5, 0.7),)
)


def transcript(*segments: Segment, task: Task = "transcribe", samples: int = 40_000) -> Transcript:
    return Transcript(task, "en", AudioUsage(samples), segments or (FIRST, SECOND))


def strict(model: type[BaseModel], body: object) -> None:
    """Validate without coercion, refusing what the SDK's type does not name."""
    closed = create_model("Closed", __base__=model)
    closed.model_config = ConfigDict(extra="forbid", strict=True)
    closed.model_rebuild(force=True)
    closed.model_validate_json(json.dumps(body))


def test_json() -> None:
    body = render(transcript(), "json")
    assert body == {"text": "Go on, said he.", "usage": {"type": "duration", "seconds": 3}}
    strict(Transcription, body)


def test_json_of_a_translation_has_only_text() -> None:
    body = render(transcript(task="translate"), "json")
    assert body == {"text": "Go on, said he."}
    strict(Translation, body)


def test_text() -> None:
    assert render(transcript(), "text") == "Go on, said he.\n"


def test_srt() -> None:
    assert render(transcript(), "srt") == (
        "1\n00:00:00,000 --> 00:00:01,000\nGo on,\n\n2\n00:00:01,000 --> 00:00:02,500\nsaid he.\n\n"
    )


def test_vtt() -> None:
    assert render(transcript(), "vtt") == (
        "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nGo on,\n\n00:00:01.000 --> 00:00:02.500\nsaid he.\n\n"
    )


def test_verbose_json() -> None:
    body = render(transcript(), "verbose_json")
    assert body == {
        "task": "transcribe",
        "language": "english",
        "duration": 2.5,
        "text": "Go on, said he.",
        "segments": [
            {
                "id": 0,
                "seek": 0,
                "start": 0.0,
                "end": 1.0,
                "text": " Go on,",
                "tokens": [50364, 1022, 322],
                "temperature": 0.0,
                "avg_logprob": -0.2,
                "compression_ratio": 0.7,
                "no_speech_prob": 0.01,
            },
            {
                "id": 1,
                "seek": 0,
                "start": 1.0,
                "end": 2.5,
                "text": " said he.",
                "tokens": [50414, 848],
                "temperature": 0.0,
                "avg_logprob": -0.3,
                "compression_ratio": 0.8,
                "no_speech_prob": 0.02,
            },
        ],
        "usage": {"type": "duration", "seconds": 3},
    }
    assert isinstance(body, dict)
    assert body.pop("task") == "transcribe"  # on the wire, but not in the SDK's type
    strict(TranscriptionVerbose, body)


@pytest.mark.parametrize(
    ("asked", "present"),
    [({"word"}, {"words"}), ({"segment"}, {"segments"}), ({"word", "segment"}, {"words", "segments"})],
)
def test_only_the_granularities_asked_for(asked: set[Granularity], present: set[str]) -> None:
    body = render(transcript(), "verbose_json", asked)
    assert isinstance(body, dict)
    assert set(body) & {"words", "segments"} == present
    if "words" in present:
        assert body["words"] == [
            {"word": "Go", "start": 0.0, "end": 0.4},
            {"word": "on,", "start": 0.4, "end": 0.9},
            {"word": "said", "start": 1.0, "end": 1.5},
        ]
    strict(TranscriptionVerbose, {name: value for name, value in body.items() if name != "task"})


def test_verbose_json_of_a_translation_is_english_whatever_was_spoken() -> None:
    spoken = replace(transcript(task="translate"), language="de")
    body = render(spoken, "verbose_json", {"word"})
    assert isinstance(body, dict)
    assert list(body) == ["task", "language", "duration", "text", "segments"]
    assert (body["task"], body["language"]) == ("translate", "english")
    strict(TranslationVerbose, {name: value for name, value in body.items() if name != "task"})


def test_a_whole_duration_is_still_a_float() -> None:
    body = render(transcript(samples=32_000), "verbose_json")
    assert '"duration": 2.0' in json.dumps(body)


def test_nothing_heard() -> None:
    silence = Transcript("transcribe", "en", AudioUsage(160_000), ())
    assert render(silence, "text") == "\n"
    assert render(silence, "srt") == ""
    assert render(silence, "vtt") == "WEBVTT\n\n"
    assert render(silence, "json") == {"text": "", "usage": {"type": "duration", "seconds": 10}}
    body = render(silence, "verbose_json", {"word", "segment"})
    assert isinstance(body, dict)
    assert (body["segments"], body["words"]) == ([], [])


def test_the_text_is_the_join_of_the_segments() -> None:
    assert joined_text((FIRST, SECOND)) == "Go on, said he."
    assert joined_text((replace(FIRST, text="今日は"), replace(SECOND, text="晴れです"))) == "今日は晴れです"


def test_coverage_is_there_when_asked_for() -> None:
    spans = (Span("silence", 0, 8_000), Span("speech", 8_000, 24_001))
    whole = replace(transcript(samples=24_001), coverage=spans)
    body = render(whole, "verbose_json")
    assert isinstance(body, dict)
    assert body["coverage"] == [
        {"state": "silence", "start": 0.0, "end": 0.5, "samples": 8_000},
        {"state": "speech", "start": 0.5, "end": 24_001 / 16_000, "samples": 16_001},
    ]
    assert "coverage" not in render(transcript(), "verbose_json")
    assert "coverage" not in render(whole, "json")
