"""How much the encoder hears of an audio, and what goes from one window to the next."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from sayso.core.speech import Audio, LanguageProbability, Segment, SpeechRequest
from sayso.engines.whisper.features import WINDOW_FRAMES, Floats, Samples
from sayso.engines.whisper.hearing import Decoded, Hearing, Window
from sayso.engines.whisper.model import WhisperWeights
from sayso.engines.whisper.transcription import Transcription, _placed
from sayso.engines.whisper.windows import Piece

BEGIN = 50364
LONG = Audio(memoryview(np.full(45 * 16_000, 20_000, np.int16).tobytes()))
CLIP = Audio(memoryview(np.full(3 * 16_000, 20_000, np.int16).tobytes()))


class Speaking:
    """A detector that hears speech everywhere."""

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        return np.ones((len(inputs["input"]), 1), np.float32), inputs["h"], inputs["c"]


class Weights:
    """Encodes nothing, but remembers lengths; is as sure of the language as it is told, in full always."""

    def __init__(self, sure: float) -> None:
        self.sure = sure
        self.encoded: list[int] = []

    def listen(self, pcm: Samples, first: int, frames: int) -> Floats:
        return np.zeros((80, frames), np.float32)

    def encode(self, mel: Floats, loudest: float, frames: int = WINDOW_FRAMES) -> int:
        self.encoded.append(frames)
        return frames

    def detect(self, encoded: int) -> tuple[LanguageProbability, ...]:
        if encoded == WINDOW_FRAMES:
            return (LanguageProbability("ca", 0.6),)
        return (LanguageProbability("es", self.sure),)

    def tokenizer(self, language: str, task: str) -> Any:
        return SimpleNamespace(
            language=language, timestamp_begin=BEGIN, decode=lambda tokens: " hello", encode=lambda text: []
        )


def text(avg_logprob: float = -0.3, end: int = 140) -> Decoded:
    return Decoded((BEGIN, 7, BEGIN + end), 0.0, avg_logprob, 1.2, 0.1)


def first_hearing(weights: Weights) -> tuple[Transcription, Hearing]:
    request = SpeechRequest("whisper-1", CLIP)
    steps = Transcription(cast(WhisperWeights, weights), Speaking(), request, None)
    (hearing,) = steps.step()
    return steps, hearing


def test_a_clip_in_a_clear_language_is_encoded_once_and_short() -> None:
    weights = Weights(sure=0.9)
    steps, hearing = first_hearing(weights)
    assert steps.written(hearing, text()) == ()
    assert weights.encoded == [1000]
    assert hearing.tokenizer.language == "es"
    assert not steps.can_step


def test_an_unclear_language_is_named_by_the_full_window_and_the_short_one_written_down() -> None:
    weights = Weights(sure=0.4)
    steps, hearing = first_hearing(weights)
    assert weights.encoded == [1000, WINDOW_FRAMES]
    assert (hearing.padded, hearing.encoded, hearing.tokenizer.language) == (1000, 1000, "ca")
    steps.written(hearing, text())
    assert hearing.done == text()


@pytest.mark.parametrize(("sure", "lengths"), [(0.4, [1000, WINDOW_FRAMES]), (0.9, [1000, 1600])])
def test_in_doubt_a_longer_window_is_written_down_the_full_one_where_it_is_encoded_already(
    sure: float, lengths: list[int]
) -> None:
    weights = Weights(sure)
    steps, hearing = first_hearing(weights)
    assert steps.written(hearing, text(-1.5)) == ()
    (again,) = steps.step()
    assert again is hearing
    assert weights.encoded == lengths
    assert (again.padded, again.encoded) == (lengths[-1], lengths[-1])
    steps.written(again, text(-1.2))
    assert (again.done, again.retried) == (text(-1.2), True)


def test_what_is_heard_a_second_time_counts_unless_it_loops() -> None:
    steps, hearing = first_hearing(Weights(sure=0.9))
    steps.written(hearing, text(-1.5))
    (again,) = steps.step()
    loop = replace(text(-0.2), compression_ratio=3.0)
    assert steps.written(again, loop) == (again,)
    assert (again.temperature, again.padded, again.done) == (0.2, 1600, None)
    assert not steps.can_step
    steps.written(again, text(-0.9))
    assert again.done == text(-0.9)


def test_a_time_rounded_up_to_a_second_behind_the_sound_ends_with_it() -> None:
    steps, hearing = first_hearing(Weights(sure=0.9))
    steps.written(hearing, text(end=190))  # 3.8 s of 3
    (segment,) = [event for event in steps.collect() if isinstance(event, Segment)]
    assert segment.end == 3.0
    placed = _placed(Window(500, 300), Piece(0, 380, (7,)))
    assert (placed["start"], placed["end"]) == (5.0, 8.0)


@pytest.mark.parametrize(("avg_logprob", "known"), [(-0.3, True), (-1.5, False)])
def test_text_that_is_not_to_be_relied_on_is_no_context(avg_logprob: float, known: bool) -> None:
    request = SpeechRequest("whisper-1", LONG)
    steps = Transcription(cast(WhisperWeights, Weights(sure=0.9)), Speaking(), request, "en")
    steps.written(next_heard(steps), text(avg_logprob, end=1400))
    steps.collect()
    assert bool(next_heard(steps).before) is known


def next_heard(steps: Transcription) -> Hearing:
    while not (heard := steps.step()):
        assert steps.can_step
    return heard[0]
