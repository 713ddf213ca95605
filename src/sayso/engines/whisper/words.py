"""The words of a segment, with the silence cut off that Whisper's alignment gives them."""

from collections.abc import Iterable
from typing import Any

from sayso.core.speech import SAMPLE_RATE, Word
from sayso.engines.whisper.voice import VoiceActivity

MIN_SILENCE = 0.12  # seconds; less is within the voice detector's own error
MIN_WORD = 0.06  # seconds that are left of a word
ONSET = 0.03  # seconds by which the detector is late


def spoken_words(words: Iterable[dict[str, Any]], voice: VoiceActivity, duration: float) -> tuple[Word, ...]:
    """Return the words in seconds, none beyond `duration`.

    Cross-attention gives a pause to the word behind it; the voice detector knows where the pause ends.
    """
    return tuple(_spoken(word, voice, duration) for word in words)


def _spoken(word: dict[str, Any], voice: VoiceActivity, duration: float) -> Word:
    start, end = min(float(word["start"]), duration), min(float(word["end"]), duration)
    begin_sample, end_sample = round(start * SAMPLE_RATE), round(end * SAMPLE_RATE)
    onset = voice.first_speech(begin_sample, end_sample)
    if onset is not None and onset / SAMPLE_RATE - start > MIN_SILENCE:
        start = round(max(start, min(onset / SAMPLE_RATE - ONSET, end - MIN_WORD)), 2)
    offset = voice.last_speech(begin_sample, end_sample)
    if offset is not None and end - offset / SAMPLE_RATE > MIN_SILENCE:
        end = round(max(offset / SAMPLE_RATE, start + MIN_WORD), 2)
    return Word(word["word"], start, end, float(word["probability"]))
