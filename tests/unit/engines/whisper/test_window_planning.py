"""Where windows end, over made-up verdicts of the voice detector."""

from sayso.engines.whisper.features import HOP, WINDOW_FRAMES
from sayso.engines.whisper.hearing import Window
from sayso.engines.whisper.planning import CUTS, plan_window
from tests.unit.engines.whisper.heard_windows import voice_with_pauses


def plan(seconds: float, *pauses: tuple[float, float], seek: int = 0) -> tuple[Window | None, int]:
    samples = round(seconds * 16_000)
    return plan_window(voice_with_pauses(samples, *pauses), seek, samples // HOP, samples)


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


def test_up_to_a_minute_there_are_as_few_cuts_as_can_be() -> None:
    window, then = plan(60, (9, 10), (20, 20.8))
    assert window is not None
    assert 2000 < window.frames < 2080
    assert then == window.end
    assert plan(60, (40, 42), seek=3200) == (Window(3200, 2800), 6000)
    longer, _ = plan(60.1, (9, 10), (20, 20.8))
    assert longer is not None
    assert 900 < longer.frames < 1000


def test_what_is_left_of_a_long_recording_is_cut_too() -> None:
    window, then = plan(70, (52, 52.8), seek=4200)
    assert window is not None
    assert window.seek == 4200
    assert 1000 < window.frames < 1080
    assert then == window.end
    assert plan(70, (68, 68.8), seek=4200) == (Window(4200, 2800), 7000)
    assert plan(70, (65, 65.8), seek=5500) == (Window(5500, 1500), 7000)


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
