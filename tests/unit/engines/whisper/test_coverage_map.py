"""Every sample is in one span, and what is not sure is said."""

from dataclasses import replace
from itertools import pairwise

import pytest

from sayso.core.speech import Segment
from sayso.engines.whisper.coverage import Coverage
from sayso.engines.whisper.voice import STEP, VoiceActivity
from tests.unit.engines.whisper.heard_windows import heard, voice_with_pauses, wrote

SEGMENT = Segment(0, 0, 0.0, 3.0, " a", (7,), 0.0, -0.3, 1.0, 0.1)


def voice(samples: int, *pauses: tuple[float, float]) -> VoiceActivity:
    made = voice_with_pauses(samples, *pauses)
    made.hear(samples)
    return made


@pytest.mark.parametrize("samples", [1, 511, 512, 513, 48_000, 480_001, 2 * 3600 * 16_000 + 77])
def test_spans_lie_side_by_side_and_sum_to_the_samples(samples: int) -> None:
    pauses = [(second, second + 0.7) for second in range(0, samples // 16_000, 97)]
    spans = Coverage(samples).spans(voice(samples, *pauses))
    assert spans[0].begin == 0
    assert spans[-1].end == samples
    assert all(span.end == then.begin for span, then in pairwise(spans))
    assert sum(span.samples for span in spans) == samples


def states(coverage: Coverage, heard_by: VoiceActivity) -> list[tuple[str, float, float]]:
    return [
        (span.state, round(span.begin / 16_000, 1), round(span.end / 16_000, 1))
        for span in coverage.spans(heard_by)
    ]


def test_speech_with_text_silence_and_speech_without_text() -> None:
    coverage = Coverage(10 * 16_000)
    coverage.note(heard(frames=1000), wrote(), [SEGMENT], 1000)
    assert states(coverage, voice(10 * 16_000, (3.2, 6), (8, 8.2))) == [
        ("speech", 0.0, 3.2),
        ("silence", 3.2, 6.0),
        ("low_confidence", 6.0, 10.0),
    ]


def test_what_was_tried_again_and_what_stayed_doubtful() -> None:
    coverage = Coverage(6 * 16_000)
    first, second = heard(frames=300), heard(seek=300, frames=300)
    first.retried = second.retried = True
    coverage.note(first, wrote(), [SEGMENT], 300)
    coverage.note(second, wrote(-1.5), [replace(SEGMENT, start=3.0, end=6.0)], 300)
    assert [state for state, _, _ in states(coverage, voice(6 * 16_000))] == ["retried", "low_confidence"]


def test_a_step_is_the_finest_that_the_detector_knows() -> None:
    spans = Coverage(16_000).spans(voice(16_000, (0, 0.5)))
    assert spans[0].end % STEP == 0
