"""Segments and words with the silence cut off that Whisper's alignment gives them."""

from collections.abc import Iterable
from typing import Any

from sayso.core.speech import SAMPLE_RATE, Word
from sayso.engines.whisper.voice import VoiceActivity

MIN_SILENCE = 0.12  # seconds; less is within the voice detector's own error
MIN_WORD = 0.06  # seconds that are left at least
ONSET = 0.03  # seconds by which the detector is late


def spoken_span(start: float, end: float, voice: VoiceActivity, duration: float) -> tuple[float, float]:
    """Return a span in seconds without the silence at its ends, and none of it beyond `duration`.

    A span in which nobody speaks stays as it is.
    """
    start, end = min(start, duration), min(end, duration)
    begin_sample, end_sample = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
    onset = voice.first_speech(begin_sample, end_sample)
    offset = voice.last_speech(begin_sample, end_sample)
    if onset is not None and onset / SAMPLE_RATE - start > MIN_SILENCE:
        start = round(max(start, min(onset / SAMPLE_RATE - ONSET, end - MIN_WORD)), 2)
    if offset is not None and end - offset / SAMPLE_RATE > MIN_SILENCE:
        end = round(max(offset / SAMPLE_RATE, start + MIN_WORD), 2)
    return start, end


def spoken_words(words: Iterable[dict[str, Any]], voice: VoiceActivity, duration: float) -> tuple[Word, ...]:
    """Return the words in seconds, each without the pause that its alignment holds.

    Cross-attention gives a pause to the word behind it; the voice detector knows where the pause ends.
    """
    spans = [(word, spoken_span(float(word["start"]), float(word["end"]), voice, duration)) for word in words]
    return tuple(Word(word["word"], *span, float(word["probability"])) for word, span in spans)
