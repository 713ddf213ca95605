"""What became of every sample of an audio: spoken, silent, heard twice, or not to be relied on."""

from itertools import pairwise
from typing import Final

import numpy as np

from sayso.core.speech import SAMPLE_RATE, Segment, Span, SpanState
from sayso.engines.whisper.features import HOP
from sayso.engines.whisper.hearing import LOG_PROB_THRESHOLD, Decoded, Hearing
from sayso.engines.whisper.voice import STEP, VoiceActivity

GAP_STEPS: Final = 10  # silence of less than that, 0.3 s, belongs to the speech around it
EDGE_SAMPLES: Final = SAMPLE_RATE // 2  # how far a segment's times may be off

_STATES: Final[tuple[SpanState, ...]] = ("silence", "speech", "retried", "low_confidence")
_SILENCE, _SPEECH, _RETRIED, _LOW = range(4)


class Coverage:
    """Collects what was written about each window of one audio of `samples` samples."""

    def __init__(self, samples: int) -> None:
        self._samples = samples
        self._written = np.zeros(-(-samples // STEP), np.bool_)
        self._retried = np.zeros_like(self._written)
        self._low = np.zeros_like(self._written)

    def note(self, hearing: Hearing, decoded: Decoded, segments: list[Segment], advance: int) -> None:
        """Take down that so many frames of a window are done, and what text came of them."""
        begin = hearing.window.seek * HOP // STEP
        window = slice(begin, -(-(hearing.window.seek + advance) * HOP // STEP))
        if hearing.retried:
            self._retried[window] = True
        if decoded.has_failed or decoded.avg_logprob < LOG_PROB_THRESHOLD:
            self._low[window] = True
        for segment in segments:
            first = max(round(segment.start * SAMPLE_RATE) - EDGE_SAMPLES, 0) // STEP
            self._written[first : -(-(round(segment.end * SAMPLE_RATE) + EDGE_SAMPLES) // STEP)] = True

    def spans(self, voice: VoiceActivity) -> tuple[Span, ...]:
        """Return spans side by side from the first sample to the last.

        Speech of which no text came is of low confidence too: nothing is left out silently.
        """
        spoken = voice.spoken(GAP_STEPS)
        states = np.where(spoken, _SPEECH, _SILENCE)
        states[spoken & self._retried] = _RETRIED
        states[spoken & (self._low | ~self._written)] = _LOW
        edges = [0, *(np.flatnonzero(np.diff(states)) + 1).tolist(), len(states)]
        return tuple(
            Span(_STATES[int(states[first])], first * STEP, min(last * STEP, self._samples))
            for first, last in pairwise(edges)
            if first < last
        )
