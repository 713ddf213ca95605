"""Where windows end, over made-up verdicts of the voice detector."""

import numpy as np

from sayso.engines.whisper.features import HOP, WINDOW_FRAMES, Floats
from sayso.engines.whisper.hearing import Window
from sayso.engines.whisper.planning import CUTS, plan_window
from sayso.engines.whisper.voice import STEP, VoiceActivity


class Verdicts:
    """A network that says 1 everywhere but in `pauses`, in seconds."""

    def __init__(self, *pauses: tuple[float, float]) -> None:
        self.pauses, self.steps = pauses, 0

    def run(self, outputs: None, inputs: dict[str, Floats]) -> tuple[Floats, Floats, Floats]:
        count = len(inputs["input"])
        at = (self.steps + np.arange(count) + 0.5) * STEP / 16_000
        self.steps += count
        silent = np.zeros(count, np.bool_)
        for begin, end in self.pauses:
            silent |= (at >= begin) & (at < end)
        state = np.zeros((1, 1, 128), np.float32)
        return np.where(silent, 0.0, 1.0).astype(np.float32), state, state


def plan(seconds: float, *pauses: tuple[float, float], seek: int = 0) -> tuple[Window | None, int]:
    samples = round(seconds * 16_000)
    voice = VoiceActivity(Verdicts(*pauses), np.zeros(samples, np.int16))
    return plan_window(voice, seek, samples // HOP, samples)


def test_a_clip_is_one_window() -> None:
    assert plan(7.5) == (Window(0, 750), 750)


def test_a_long_recording_is_cut_in_the_longest_pause_that_leaves_a_short_window() -> None:
    window, then = plan(100, (9, 9.4), (12, 12.8), (20, 22))
    assert window is not None
    assert window.fixed
    assert window.seek == 0
    assert 1200 < window.frames < 1280
    assert then == window.end


def test_where_nobody_pauses_so_early_a_longer_window_is_cut() -> None:
    window, then = plan(100, (16, 16.4), (20, 20.8), (25, 25.5))
    assert window is not None
    assert window.fixed
    assert 2000 < window.frames < 2080
    assert then == window.end


def test_what_is_left_of_a_long_recording_is_cut_too() -> None:
    window, then = plan(50, (32, 32.8), seek=2200)
    assert window is not None
    assert window.seek == 2200
    assert 1000 < window.frames < 1080
    assert then == window.end
    assert plan(50, (48, 48.8), seek=2200) == (Window(2200, 2800), 5000)
    assert plan(50, (45, 45.8), seek=3500) == (Window(3500, 1500), 5000)


def test_a_clip_is_not_cut() -> None:
    assert plan(29, (12, 13)) == (Window(0, 2900), 2900)


def test_of_a_long_pause_little_is_heard_with_what_was_said_before() -> None:
    window, then = plan(100, (16, 29))
    assert window is not None
    assert 1600 <= window.frames <= 1660
    assert then == window.end


def test_without_a_pause_the_window_is_full_and_its_text_says_where_to_go_on() -> None:
    assert plan(100) == (Window(0, WINDOW_FRAMES, fixed=False), 0)
    assert plan(100, (14, 14.1)) == (Window(0, WINDOW_FRAMES, fixed=False), 0)


def test_pauses_too_near_or_too_far_are_not_looked_at() -> None:
    near, far = (2, CUTS[0][0] / 100 - 2), (CUTS[-1][1] / 100 + 0.5, 32)
    window, _ = plan(100, near, far)
    assert window == Window(0, WINDOW_FRAMES, fixed=False)


def test_where_nobody_speaks_it_is_passed_over() -> None:
    assert plan(100, (0, 60)) == (None, 2950)
    assert plan(20, (0, 60)) == (None, 2000)


def test_a_long_silence_before_speech_is_cut_to_half_a_second() -> None:
    window, _ = plan(25, (0, 12))
    assert window == Window(1150, 1350)
