"""One suite for every speech engine: the rules at the head of `sayso.engines.base`."""

import asyncio
import math
import struct
from collections.abc import AsyncIterator
from contextlib import aclosing
from importlib.resources import files

import pytest
import pytest_asyncio

from sayso.core.speech import Audio, Segment, SpeechEvent, SpeechFinished, SpeechRequest, SpeechStarted
from tests.contracts.engine_fixtures import SpeechSubject, open_speech_subject, speech_subjects

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=speech_subjects())
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[SpeechSubject]:
    async with open_speech_subject(request) as opened:
        yield opened


def word() -> Audio:
    """Two seconds of synthesized speech: "Hello, I am ready to listen"."""
    return Audio(memoryview(files("sayso.inference").joinpath("probe.wav").read_bytes())[44:])


def repeated(seconds: int) -> Audio:
    return Audio(memoryview(bytes(word().pcm) * max(1, round(seconds / word().seconds))))


async def events_of(subject: SpeechSubject, request: SpeechRequest) -> list[SpeechEvent]:
    async with aclosing(subject.engine.transcribe(request)) as events:
        return [event async for event in events]


async def test_stream_begins_with_started_and_ends_with_the_samples_heard(subject: SpeechSubject) -> None:
    audio = word()
    events = await events_of(subject, SpeechRequest("m", audio, language="en"))
    assert events[0] == SpeechStarted("en", 1.0) or isinstance(events[0], SpeechStarted)
    last = events[-1]
    assert isinstance(last, SpeechFinished)
    assert last.usage.samples == audio.samples
    assert sum(isinstance(event, SpeechStarted | SpeechFinished) for event in events) == 2


async def test_segments_lie_in_the_audio_in_order(subject: SpeechSubject) -> None:
    audio = repeated(5)
    events = await events_of(subject, SpeechRequest("m", audio, language="en", word_timestamps=True))
    segments = [event for event in events if isinstance(event, Segment)]
    assert [segment.id for segment in segments] == list(range(len(segments)))
    times = [time for segment in segments for time in (segment.start, segment.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= math.ceil(audio.seconds)
    assert all(segment.words for segment in segments)
    if subject.real:
        assert "ready" in " ".join(segment.text for segment in segments).lower()


async def test_coverage_comes_only_when_asked_for_and_has_every_sample(subject: SpeechSubject) -> None:
    audio = repeated(5)
    for asked in (False, True):
        request = SpeechRequest("m", audio, language="en", coverage=asked)
        last = (await events_of(subject, request))[-1]
        assert isinstance(last, SpeechFinished)
        covered = sum(span.samples for span in last.coverage)
        assert covered == audio.samples if asked and subject.real else covered in (0, asked * audio.samples)


async def test_words_come_only_when_asked_for(subject: SpeechSubject) -> None:
    events = await events_of(subject, SpeechRequest("m", word(), language="en"))
    assert not any(event.words for event in events if isinstance(event, Segment))


async def test_language_probabilities_are_sorted_and_sum_to_one(subject: SpeechSubject) -> None:
    found = await subject.engine.detect_language("m", word())
    probabilities = [item.probability for item in found]
    assert probabilities == sorted(probabilities, reverse=True)
    assert sum(probabilities) == pytest.approx(1.0, abs=1e-3)


async def test_silence_has_no_words(subject: SpeechSubject) -> None:
    if not subject.real:
        pytest.skip("the scripted engine hears words in anything")
    noise = struct.pack("<32000h", *((i * 7919 % 61) - 30 for i in range(32000)))
    for sound in (bytes(64_000), noise):
        events = await events_of(subject, SpeechRequest("m", Audio(memoryview(sound))))
        assert not [event for event in events if isinstance(event, Segment)]
        assert isinstance(events[-1], SpeechFinished)


async def test_closing_the_stream_stops_the_work(subject: SpeechSubject) -> None:
    stream = subject.engine.transcribe(SpeechRequest("m", repeated(300), language="en"))
    async for event in stream:
        if isinstance(event, SpeechStarted):
            break
    await stream.aclose()
    async with asyncio.timeout(2.0):
        while await subject.running() > 0:  # noqa: ASYNC110 - asked across a process boundary
            await asyncio.sleep(0.01)
