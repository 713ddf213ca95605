"""Segments out of what was written about a window, as far as somebody speaks there."""

from typing import Any

from sayso.core.speech import SAMPLE_RATE, Segment, SpeechRequest
from sayso.engines.whisper.hearing import LOG_PROB_THRESHOLD, Decoded, Hearing
from sayso.engines.whisper.model import WhisperWeights
from sayso.engines.whisper.voice import CLEAR_SPEECH, SPEECH, VoiceActivity
from sayso.engines.whisper.words import spoken_span, spoken_words

EDGE_SAMPLES = SAMPLE_RATE // 2  # how far Whisper's times may be off when speech is looked for


class SegmentWriter:
    """Numbers the segments of one request and cuts them to where the voice detector hears speech."""

    def __init__(self, request: SpeechRequest, voice: VoiceActivity) -> None:
        self._request = request
        self._voice = voice
        self._number = 0
        self._speech_end = 0.0  # seconds: the last word before

    def align(self, weights: WhisperWeights, hearing: Hearing, pieces: list[dict[str, Any]]) -> float | None:
        """Give the pieces of a window their words; return where the last one ends, in seconds."""
        weights.align(hearing.encoded, hearing.tokenizer, pieces, hearing.window.frames, self._speech_end)
        ends = [float(piece["words"][-1]["end"]) for piece in pieces if piece["words"]]
        if not ends:
            return None
        self._speech_end = ends[-1]
        return ends[-1]

    def write(self, hearing: Hearing, decoded: Decoded, pieces: list[dict[str, Any]]) -> list[Segment]:
        """Return the pieces that hold text and speech."""
        found = (self._segment(hearing, decoded, piece) for piece in pieces)
        return [segment for segment in found if segment is not None]

    def _segment(self, hearing: Hearing, decoded: Decoded, piece: dict[str, Any]) -> Segment | None:
        text = hearing.tokenizer.decode(piece["tokens"])
        duration = self._request.audio.seconds
        start, end = spoken_span(float(piece["start"]), float(piece["end"]), self._voice, duration)
        words = spoken_words(piece.get("words", ()), self._voice, duration)
        if words:
            start, end = words[0].start, words[-1].end
        if start >= end or not text.strip() or not self._is_spoken(start, end, decoded):
            return None
        segment = Segment(
            id=self._number,
            seek=hearing.window.seek,
            start=start,
            end=end,
            text=text,
            tokens=tuple(piece["tokens"]),
            temperature=decoded.temperature,
            avg_logprob=decoded.avg_logprob,
            compression_ratio=decoded.compression_ratio,
            no_speech_prob=decoded.no_speech_prob,
            words=words,
        )
        self._number += 1
        return segment

    def _is_spoken(self, start: float, end: float, decoded: Decoded) -> bool:
        peak = self._voice.peak(
            int(start * SAMPLE_RATE) - EDGE_SAMPLES, int(end * SAMPLE_RATE) + EDGE_SAMPLES
        )
        return is_borne_out(decoded, peak, self._request.temperature)


def is_borne_out(decoded: Decoded, peak: float, temperature: float) -> bool:
    """Whether the voice detector bears out the text: fully, or faintly and the decoder was sure at once.

    `peak` is the detector's highest probability where the text lies, `temperature` what was asked for: text
    that took a higher one over faint sound is invented more often than heard.
    """
    sure = decoded.temperature <= temperature and decoded.avg_logprob > LOG_PROB_THRESHOLD
    return peak >= CLEAR_SPEECH or (peak >= SPEECH and sure)
