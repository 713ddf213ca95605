"""The engine with the real model, over sound that needs no recording."""

import asyncio
from contextlib import aclosing
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest

from sayso.core.speech import Audio, Segment, SpeechEvent, SpeechFinished, SpeechRequest, SpeechStarted
from sayso.engines.base import SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.engines.registry import load_engine
from sayso.engines.whisper.engine import WhisperSpeechEngine
from sayso.engines.whisper.features import WINDOW_FRAMES, Floats
from sayso.engines.whisper.transcription import Transcription
from sayso.errors import ConfigurationError, EngineFailed, EngineOverloaded, InvalidRequest


def sound(seconds: float, level: float = 300.0) -> Audio:
    noise = np.random.default_rng(3).normal(0, level, round(seconds * 16_000))
    return Audio(memoryview(noise.astype("<i2").tobytes()))


def request(audio: Audio, **fields: object) -> SpeechRequest:
    return replace(SpeechRequest(model="whisper-base", audio=audio), **fields)  # type: ignore[arg-type]


async def events_of(engine: SpeechEngine, asked: SpeechRequest) -> list[SpeechEvent]:
    return [event async for event in engine.transcribe(asked)]


@pytest.mark.parametrize("seconds", [0.1, 1.0, 31.0, 75.3])
@pytest.mark.parametrize("level", [0.0, 300.0])
async def test_no_speech_gives_no_words(
    whisper_engine: WhisperSpeechEngine, seconds: float, level: float
) -> None:
    first, *segments, last = await events_of(whisper_engine, request(sound(seconds, level)))
    assert first == SpeechStarted("en", 0.0)
    assert segments == []
    assert last == SpeechFinished(sound(seconds).usage)


async def test_every_window_is_scaled_by_the_loudest_bin_of_all(
    whisper_engine: WhisperSpeechEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    speech = np.frombuffer(files("sayso.inference").joinpath("probe.wav").read_bytes()[44:], "<i2")
    tone = 20_000 * np.sin(np.arange(16_000) * 0.3)
    pcm = np.concatenate((np.resize(speech // 8, 31 * 16_000), tone)).astype("<i2")
    weights = whisper_engine._weights
    scales: list[float] = []
    encode = weights.encode

    def noted(mel: Floats, loudest: float, frames: int = WINDOW_FRAMES) -> object:
        scales.append(loudest)
        return encode(mel, loudest, frames)

    monkeypatch.setattr(weights, "encode", noted)
    await events_of(whisper_engine, request(Audio(memoryview(pcm.tobytes()))))
    quiet = float(weights.listen(pcm, 0, WINDOW_FRAMES).max())
    loud = float(weights.listen(pcm, WINDOW_FRAMES, 200).max())
    assert loud > quiet + 1
    assert len(scales) >= 2
    assert scales == pytest.approx([loud] * len(scales))


async def test_the_given_language_is_reported(whisper_engine: WhisperSpeechEngine) -> None:
    first, *_ = await events_of(whisper_engine, request(sound(1), language="german"))
    assert first == SpeechStarted("de", 1.0)


async def test_an_unknown_language_is_refused(whisper_engine: WhisperSpeechEngine) -> None:
    for language in ("klingon", "xx", "", "yue"):
        with pytest.raises(InvalidRequest) as refused:
            await events_of(whisper_engine, request(sound(1), language=language))
        assert refused.value.param == "language"


async def test_too_little_audio_is_refused(whisper_engine: WhisperSpeechEngine) -> None:
    for audio in (sound(0), sound(0.0999)):
        with pytest.raises(InvalidRequest) as refused:
            await events_of(whisper_engine, request(audio))
        assert (refused.value.param, refused.value.code) == ("file", "audio_too_short")
        with pytest.raises(InvalidRequest):
            await whisper_engine.detect_language("whisper-base", audio)


async def test_all_languages_have_a_probability(whisper_engine: WhisperSpeechEngine) -> None:
    languages = await whisper_engine.detect_language("whisper-base", sound(2))
    assert len(languages) == 99
    assert sum(entry.probability for entry in languages) == pytest.approx(1, abs=1e-3)
    assert languages == tuple(sorted(languages, key=lambda entry: -entry.probability))


async def test_the_fourth_of_three_is_refused_before_its_first_event(
    whisper_engine: WhisperSpeechEngine,
) -> None:
    streams = [whisper_engine.transcribe(request(sound(300))) for _ in range(4)]
    begun = [asyncio.ensure_future(anext(stream)) for stream in streams[:3]]
    await asyncio.sleep(0)
    with pytest.raises(EngineOverloaded):
        await anext(streams[3])
    for task in begun:
        task.cancel()
    await asyncio.gather(*begun, return_exceptions=True)
    for stream in streams:
        await stream.aclose()
    assert await events_of(whisper_engine, request(sound(1)))


async def test_closing_the_stream_stops_the_work(
    whisper_engine: WhisperSpeechEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = 0
    step = Transcription.step

    def counted(self: Transcription) -> object:
        nonlocal steps
        steps += 1
        return step(self)

    monkeypatch.setattr(Transcription, "step", counted)
    async with aclosing(whisper_engine.transcribe(request(sound(3000), language="en"))) as stream:
        assert isinstance(await anext(stream), SpeechStarted)
    await events_of(whisper_engine, request(sound(1)))
    assert steps < 20  # of 100 windows


async def test_a_call_that_raises_fails_its_own_request_alone(
    whisper_engine: WhisperSpeechEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Transcription) -> object:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(Transcription, "step", broken)
        with pytest.raises(EngineFailed):
            await events_of(whisper_engine, request(sound(1)))
    assert await events_of(whisper_engine, request(sound(1)))


async def test_the_fingerprint_names_weights_and_settings(
    whisper_engine: WhisperSpeechEngine, whisper_config: EngineConfig
) -> None:
    info = await whisper_engine.info()
    assert info.fingerprint.startswith("fp_")
    assert len(info.fingerprint) == 15
    assert info.context_length == 0
    assert info.resident_bytes > 100_000_000


def test_a_folder_without_weights_is_refused(whisper_config: EngineConfig) -> None:
    with pytest.raises(ConfigurationError, match=r"model\.bin"):
        load_engine(replace(whisper_config, folder=whisper_config.cache_dir))


@pytest.mark.long
@pytest.mark.timeout(400)
async def test_times_and_coverage_are_exact_behind_two_hours(whisper_engine: WhisperSpeechEngine) -> None:
    spoken = np.frombuffer(files("sayso.inference").joinpath("probe.wav").read_bytes()[44:], "<i2")
    places = (3, 1_800, 3_601, 5_399, 7_195)
    pcm = np.zeros(2 * 3600 * 16_000 + 77, "<i2")
    for place in places:
        pcm[place * 16_000 : place * 16_000 + len(spoken)] = spoken
    audio = Audio(memoryview(pcm.tobytes()))
    asked = request(audio, language="en", word_timestamps=True, coverage=True)
    _, *segments, last = await events_of(whisper_engine, asked)
    assert isinstance(last, SpeechFinished)
    assert sum(span.samples for span in last.coverage) == audio.samples
    words = [word for segment in segments if isinstance(segment, Segment) for word in segment.words]
    starts = [min((word.start for word in words if word.start >= place), default=0.0) for place in places]
    off = [start - place for start, place in zip(starts, places, strict=True)]
    assert max(off) - min(off) <= 0.1, off
    heard = [span for span in last.coverage if span.state != "silence"]
    begins = [min(abs(span.begin / 16_000 - place - off[0]) for span in heard) for place in places]
    assert max(begins) <= 0.2, begins
