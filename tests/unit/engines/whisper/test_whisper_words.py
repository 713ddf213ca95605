import numpy as np
import pytest

from sayso.engines.whisper.features import Floats
from sayso.engines.whisper.voice import VoiceActivity
from sayso.engines.whisper.words import spoken_words


class PeakNetwork:
    """Calls a step speech by its peak."""

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        return np.abs(inputs["input"][:, 64:]).max(axis=1, keepdims=True), inputs["h"], inputs["c"]


@pytest.fixture
def voice() -> VoiceActivity:
    """Speech from 1.024 s to 2.048 s of 4 s."""
    pcm = np.zeros(64_000, np.int16)
    pcm[16_384:32_768] = 20_000
    made = VoiceActivity(PeakNetwork(), pcm)
    made.hear(len(pcm))
    return made


def times(voice: VoiceActivity, start: float, end: float) -> tuple[float, float]:
    word = {"word": " hello", "start": np.float64(start), "end": np.float64(end), "probability": 0.5}
    (found,) = spoken_words([word], voice, 4.0)
    assert (found.word, found.probability) == (" hello", 0.5)
    return found.start, found.end


def test_a_pause_is_cut_off_a_word(voice: VoiceActivity) -> None:
    assert times(voice, 0.2, 1.5) == pytest.approx((1.0, 1.5), abs=0.05)
    assert times(voice, 1.5, 3.5) == pytest.approx((1.5, 2.05), abs=0.05)


def test_a_word_within_speech_or_wholly_outside_keeps_its_times(voice: VoiceActivity) -> None:
    assert times(voice, 1.2, 1.6) == (1.2, 1.6)
    assert times(voice, 2.5, 2.9) == (2.5, 2.9)
    assert times(voice, 0.95, 2.1) == (0.95, 2.1)


def test_a_word_keeps_some_length_and_ends_with_the_audio(voice: VoiceActivity) -> None:
    start, end = times(voice, 0.2, 1.03)
    assert 0.05 < end - start < 0.2
    assert times(voice, 3.9, 4.4) == (3.9, 4.0)


def test_times_are_plain_numbers(voice: VoiceActivity) -> None:
    assert {type(value) for value in times(voice, 1.2, 1.6)} == {float}
