"""What the engine makes of real recordings; `bench/wer.py` has the whole comparison."""

import json
from collections.abc import Callable
from pathlib import Path

import jiwer
import numpy as np
import pytest
from faster_whisper.audio import decode_audio

from sayso.core.speech import Audio, Segment, SpeechFinished, SpeechRequest, SpeechStarted
from sayso.engines.whisper.engine import WhisperSpeechEngine

pytestmark = [pytest.mark.speech, pytest.mark.timeout(300)]

Open = Callable[[str], tuple[Audio, dict[str, object]]]


@pytest.fixture(scope="module")
def recording(speech_folder: Path) -> Open:
    lines = (speech_folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    rows = {row["path"]: row for row in map(json.loads, lines)}

    def read(path: str) -> tuple[Audio, dict[str, object]]:
        sound = decode_audio(str(speech_folder / path))
        return Audio(memoryview((sound * 32768).astype("<i2").tobytes())), rows[path]

    return read


async def transcribe(
    engine: WhisperSpeechEngine, audio: Audio, **fields: object
) -> tuple[SpeechStarted, list[Segment]]:
    request = SpeechRequest("whisper-base", audio, **fields)  # type: ignore[arg-type]
    first, *segments, last = [event async for event in engine.transcribe(request)]
    assert isinstance(first, SpeechStarted)
    assert last == SpeechFinished(audio.usage)
    found = [segment for segment in segments if isinstance(segment, Segment)]
    assert [segment.id for segment in found] == list(range(len(segments)))
    return first, found


def words_of(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


@pytest.mark.parametrize(
    ("path", "worst"),
    [("en/fleurs/fleurs-en-006.ogg", 0.2), ("de/fleurs/fleurs-de-003.ogg", 0.35)],
)
async def test_speech_is_written_down_in_its_language(
    whisper_engine: WhisperSpeechEngine, recording: Open, path: str, worst: float
) -> None:
    audio, row = recording(path)
    started, segments = await transcribe(whisper_engine, audio)
    assert started.language == row["language"]
    assert started.probability > 0.5
    text = "".join(segment.text for segment in segments)
    assert text.startswith(" ")
    assert jiwer.wer(words_of(str(row["reference"])), words_of(text)) <= worst


async def test_statistics_are_real(whisper_engine: WhisperSpeechEngine, recording: Open) -> None:
    audio, _ = recording("en/fleurs/fleurs-en-006.ogg")
    _, segments = await transcribe(whisper_engine, audio)
    for segment in segments:
        assert -1 < segment.avg_logprob < 0
        assert 0 < segment.no_speech_prob < 0.6
        assert 0.5 < segment.compression_ratio < 2.4
        assert segment.temperature == 0
        assert segment.tokens
        assert segment.seek == 0
        assert 0 <= segment.start < segment.end <= audio.seconds
        assert not segment.words


async def test_translation_is_english(whisper_engine: WhisperSpeechEngine, recording: Open) -> None:
    audio, _ = recording("de/fleurs/fleurs-de-003.ogg")
    _, segments = await transcribe(whisper_engine, audio, task="translate")
    text = words_of("".join(segment.text for segment in segments)).split()
    assert {"the", "and", "here"} & set(text)
    assert not {"und", "die", "hier"} & set(text)


@pytest.mark.parametrize(
    ("shortest", "longest", "at_least"),
    [(0, 15, 7), pytest.param(15, 3600, 3, marks=pytest.mark.long)],
)
async def test_what_is_no_speech_gives_no_text(
    whisper_engine: WhisperSpeechEngine,
    speech_folder: Path,
    recording: Open,
    shortest: float,
    longest: float,
    at_least: int,
) -> None:
    lines = (speech_folder / "manifest.jsonl").read_text(encoding="utf-8").splitlines()
    silent = [row for row in map(json.loads, lines) if row["reference"] == ""]
    chosen = [row["path"] for row in silent if shortest <= row["duration_s"] < longest]
    assert len(chosen) >= at_least
    for path in chosen:
        _, segments = await transcribe(whisper_engine, recording(path)[0])
        assert segments == [], path


async def test_quiet_speech_is_heard(whisper_engine: WhisperSpeechEngine, recording: Open) -> None:
    audio, row = recording("en/fleurs/fleurs-en-006.ogg")
    quiet = np.frombuffer(audio.pcm, "<i2") // 20
    _, segments = await transcribe(whisper_engine, Audio(memoryview(quiet.astype("<i2").tobytes())))
    text = words_of("".join(segment.text for segment in segments))
    assert jiwer.wer(words_of(str(row["reference"])), text) < 0.5


async def test_words_begin_after_a_pause_when_they_are_said(
    whisper_engine: WhisperSpeechEngine, recording: Open
) -> None:
    audio, row = recording("derived/tux_paragraphs/fr_dev.ogg")
    _, segments = await transcribe(whisper_engine, audio, language="fr", word_timestamps=True)
    words = [word for segment in segments for word in segment.words]
    assert all(0 <= word.start <= word.end <= audio.seconds for word in words)
    known = row["segments"]
    assert isinstance(known, list)
    starts = np.array([word.start for word in words])
    off = [float(np.abs(starts - segment["start"]).min()) for segment in known]
    assert sorted(off)[len(off) * 3 // 4] <= 0.26, off


async def test_times_do_not_drift_behind_ten_minutes_of_silence(
    whisper_engine: WhisperSpeechEngine, recording: Open
) -> None:
    audio, _ = recording("en/fleurs/fleurs-en-006.ogg")
    offset = 11 * 60
    spoken = bytes(audio.pcm)
    late = Audio(memoryview(bytes(offset * 32_000) + spoken))
    _, near = await transcribe(whisper_engine, audio, language="en", word_timestamps=True)
    _, far = await transcribe(whisper_engine, late, language="en", word_timestamps=True)
    first, last = near[0].words[0], near[-1].words[-1]
    assert far[0].words[0].start - offset == pytest.approx(first.start, abs=0.2)
    assert far[-1].words[-1].end - offset == pytest.approx(last.end, abs=0.2)
    assert far[0].seek > 65_000


async def test_a_prompt_sets_the_spelling(whisper_engine: WhisperSpeechEngine, recording: Open) -> None:
    audio, _ = recording("en/fleurs/fleurs-en-006.ogg")
    prompt = "<|endoftext|>The Marianas are islands. Saipan is the largest of the Marianas."
    _, segments = await transcribe(whisper_engine, audio, language="en", prompt=prompt)
    assert "marianas" in words_of("".join(segment.text for segment in segments))
