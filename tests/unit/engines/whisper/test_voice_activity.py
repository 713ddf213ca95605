import numpy as np

from sayso.engines.whisper.features import Floats
from sayso.engines.whisper.voice import (
    BLOCK_STEPS,
    CLEAR_SPEECH,
    LONG_SILENCE,
    STEP,
    VoiceActivity,
    level_gain,
)


class LoudnessNetwork:
    """Calls a step speech by its peak; remembers the shapes it was given."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.contexts: list[Floats] = []

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        steps = inputs["input"]
        self.batches.append(len(steps))
        self.contexts.append(steps[:, :64].copy())
        return np.abs(steps[:, 64:]).max(axis=1, keepdims=True), inputs["h"] + 1, inputs["c"]


def speech_between(begin: int, end: int, samples: int) -> VoiceActivity:
    pcm = np.zeros(samples, np.int16)
    pcm[begin:end] = 20_000
    return VoiceActivity(LoudnessNetwork(), pcm)


def test_speech_is_found_where_it_begins() -> None:
    voice = speech_between(40 * STEP, 60 * STEP, 100 * STEP)
    voice.hear(100 * STEP)
    assert voice.first_speech(0, 100 * STEP) == 40 * STEP
    assert voice.first_speech(0, 40 * STEP) is None
    assert voice.first_speech(45 * STEP + 3, 100 * STEP) == 45 * STEP + 3
    assert voice.first_speech(60 * STEP, 100 * STEP) is None


def test_the_peak_is_that_of_the_stretch() -> None:
    voice = speech_between(40 * STEP, 60 * STEP, 100 * STEP)
    voice.hear(100 * STEP)
    assert voice.peak(50 * STEP, 51 * STEP) > 0.5
    assert voice.peak(-500, 40 * STEP) == 0
    assert voice.peak(200 * STEP, 300 * STEP) == 0


def test_audio_is_heard_only_as_far_as_asked_in_blocks_that_carry_on() -> None:
    network = LoudnessNetwork()
    pcm = np.arange(3 * BLOCK_STEPS * STEP, dtype=np.int64).astype(np.int16)
    voice = VoiceActivity(network, pcm)
    voice.hear(STEP)
    assert network.batches == [BLOCK_STEPS]
    voice.hear(BLOCK_STEPS * STEP)
    assert network.batches == [BLOCK_STEPS]
    voice.hear(len(pcm) + 999)
    assert network.batches == [BLOCK_STEPS] * 3
    boundary = BLOCK_STEPS * STEP
    before = pcm[boundary - 64 : boundary] / 32768
    np.testing.assert_allclose(network.contexts[1][0], before, atol=1e-4)
    assert not network.contexts[0][0].any()


def test_a_last_broken_step_counts() -> None:
    voice = speech_between(10 * STEP, 10 * STEP + 100, 10 * STEP + 100)
    voice.hear(10 * STEP + 100)
    assert voice.first_speech(0, 10 * STEP + 100) == 10 * STEP


def test_quiet_sound_is_raised_but_silence_not_without_bound() -> None:
    tone = np.sin(np.arange(16_000) / 5).astype(np.float32)
    assert level_gain(tone) == 1.0
    assert 10 < level_gain(tone * np.float32(0.01)) < 20
    assert level_gain(np.zeros(16_000, np.float32)) == 64.0
    assert level_gain(np.zeros(3, np.float32)) == 1.0


class AdaptingNetwork(LoudnessNetwork):
    """Hears nothing as soon as it has heard something loud, and counts the stretches it begins afresh."""

    fresh = 0

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        self.fresh += not inputs["h"].any()
        heard, _, state = super().run(outputs, inputs)
        return (
            np.where(np.maximum.accumulate(heard) > 0.9, heard * (heard > 0.9), heard),
            inputs["h"] + 1,
            state,
        )


def quiet_behind_loud(steps: int, level: int) -> tuple[AdaptingNetwork, VoiceActivity]:
    network = AdaptingNetwork()
    pcm = np.full((20 + steps) * STEP, level, np.int16)
    pcm[: 20 * STEP] = 32_000
    voice = VoiceActivity(network, pcm)
    voice.hear(len(pcm))
    return network, voice


def test_a_long_silence_is_heard_again_by_itself() -> None:
    network, voice = quiet_behind_loud(LONG_SILENCE, 26_000)
    assert voice.peak(20 * STEP, 99 * STEP) > CLEAR_SPEECH
    assert network.fresh == 2
    network, voice = quiet_behind_loud(LONG_SILENCE - 1, 26_000)
    assert voice.peak(20 * STEP, 99 * STEP) == 0
    assert network.fresh == 1


def test_what_is_not_clear_the_second_time_stays_silence() -> None:
    network, voice = quiet_behind_loud(LONG_SILENCE, 20_000)
    assert voice.peak(20 * STEP, 99 * STEP) == 0
    assert network.fresh == 2
