"""One request's walk through its audio, a window a step."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from faster_whisper.tokenizer import Tokenizer

from sayso.core.speech import (
    SAMPLE_RATE,
    Segment,
    SpeechEvent,
    SpeechFinished,
    SpeechRequest,
    SpeechStarted,
)
from sayso.engines.whisper.features import FRAMES_PER_SECOND, HOP, WINDOW_FRAMES, frame_count, pcm_samples
from sayso.engines.whisper.model import DECODING, LOG_PROB_THRESHOLD, Decoded, Encoded, WhisperWeights
from sayso.engines.whisper.voice import CLEAR_SPEECH, SPEECH, VoiceActivity, VoiceNetwork
from sayso.engines.whisper.windows import MIN_ADVANCE, Piece, WindowCut, cut_window
from sayso.engines.whisper.words import spoken_span, spoken_words

LISTEN_WINDOWS = 10  # whose loudness is looked at in one step, about half a second
LEAD_FRAMES = 50  # heard before the first speech of a window
MAX_LEAD_FRAMES = 500  # silence that is still decoded with what follows: it changes no words, a cut may
EDGE_SAMPLES = SAMPLE_RATE // 2  # how far Whisper's times may be off when speech is looked for
PROMPT_TOKENS = 223  # with the start-of-previous token half of Whisper's context
PROMPT_CHARACTERS = 4_000  # more than the last tokens of a prompt can hold
NO_LANGUAGE = "en"  # reported with probability 0 where nobody speaks


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch to decode, in frames."""

    seek: int
    frames: int


class Transcription:
    """The state between windows: where the next begins, what was written before it, who speaks what.

    Audio of more than a window is first listened through for its loudest bin, as in Whisper's published code;
    a few windows a step, so that nobody waits behind it. `step` brings `SpeechStarted` first, segments, and
    `SpeechFinished` last.
    """

    def __init__(
        self, weights: WhisperWeights, network: VoiceNetwork, request: SpeechRequest, language: str | None
    ) -> None:
        self._weights = weights
        self._request = request
        self._pcm = pcm_samples(request.audio.pcm)
        self._voice = VoiceActivity(network, self._pcm)
        self._frames = frame_count(len(self._pcm))
        self._language = language
        self._started = False
        self._finished = False
        self._seek = 0
        self._segments = 0
        self._speech_end = 0.0
        self._loudest = -10.0
        self._listened = self._frames if self._frames <= WINDOW_FRAMES else 0
        self._before: list[int] | None = None

    @property
    def remaining(self) -> int:
        """Windows that are left at most."""
        return 0 if self._finished else max(1, -(-(self._frames - self._seek) // WINDOW_FRAMES))

    def step(self) -> Sequence[SpeechEvent]:
        """Decode the next window, or pass over it where nobody speaks."""
        if self._listened < self._frames:
            return self._listen()
        events: list[SpeechEvent] = []
        if self._language is not None:
            events += self._start(self._language, 1.0)
        if (window := self._next_window()) is not None:
            mel = self._weights.listen(self._pcm, window.seek, window.frames)
            self._loudest = max(self._loudest, float(mel.max()))
            encoded = self._weights.encode(mel, self._loudest)
            if self._language is None:
                best = self._weights.detect(encoded)[0]
                self._language = best.language
                events += self._start(best.language, best.probability)
            tokenizer = self._weights.tokenizer(self._language, self._request.task)
            events += self._write(window, encoded, tokenizer)
        if self._seek >= self._frames:
            events += self._start(self._language or NO_LANGUAGE, 0.0)
            events.append(SpeechFinished(self._request.audio.usage))
            self._finished = True
        return events

    def _listen(self) -> Sequence[SpeechEvent]:
        """Take the loudest bin of the next windows into account."""
        for _ in range(LISTEN_WINDOWS):
            frames = min(WINDOW_FRAMES, self._frames - self._listened)
            if frames <= 0:
                break
            mel = self._weights.listen(self._pcm, self._listened, frames)
            self._loudest = max(self._loudest, float(mel.max()))
            self._listened += frames
        return ()

    def _start(self, language: str, probability: float) -> Sequence[SpeechEvent]:
        if self._started:
            return ()
        self._started = True
        return (SpeechStarted(language, probability),)

    def _next_window(self) -> Window | None:
        """Return the window that begins shortly before the next speech; None, and move on, without any."""
        end = min(self._seek + WINDOW_FRAMES, self._frames)
        last = end == self._frames
        begin_sample, end_sample = self._seek * HOP, len(self._pcm) if last else end * HOP
        self._voice.hear(end_sample)
        speech = self._voice.first_speech(begin_sample, end_sample)
        if speech is None:
            self._seek = end if last else end - LEAD_FRAMES
            return None
        lead = speech // HOP - self._seek
        if lead > MAX_LEAD_FRAMES:
            self._seek += lead - LEAD_FRAMES
        frames = min(WINDOW_FRAMES, self._frames - self._seek)
        self._voice.hear((self._seek + frames) * HOP)
        return Window(self._seek, frames)

    def _write(self, window: Window, encoded: Encoded, tokenizer: Tokenizer) -> Sequence[Segment]:
        if self._before is None:
            self._before = _prompt_tokens(tokenizer, self._request.prompt)
        decoded = self._weights.decode(encoded, tokenizer, self._before, self._request.temperature)
        if decoded.is_silence:
            self._seek += window.frames
            return ()
        cut = cut_window(decoded.tokens, tokenizer.timestamp_begin, window.frames)
        pieces = self._pieces(window, encoded, tokenizer, cut)
        segments = [s for p in pieces if (s := self._segment(window, decoded, tokenizer, p)) is not None]
        if decoded.temperature > float(DECODING["prompt_reset_on_temperature"]):
            self._before = []
        else:
            self._before += [token for segment in segments for token in segment.tokens]
            del self._before[:-PROMPT_TOKENS]
        return segments

    def _pieces(
        self, window: Window, encoded: Encoded, tokenizer: Tokenizer, cut: WindowCut
    ) -> list[dict[str, Any]]:
        """Place the pieces in the audio, find their words if asked, and move on to the next window."""
        pieces = [_placed(window, piece) for piece in cut.pieces]
        self._seek = window.seek + cut.advance
        if self._request.word_timestamps:
            self._weights.align(encoded, tokenizer, pieces, window.frames, self._speech_end)
            ends = [piece["words"][-1]["end"] for piece in pieces if piece["words"]]
            if ends:
                self._speech_end = ends[-1]
                last = round(ends[-1] * FRAMES_PER_SECOND)
                if not cut.complete and last >= window.seek + MIN_ADVANCE:
                    self._seek = last
        return pieces

    def _segment(
        self, window: Window, decoded: Decoded, tokenizer: Tokenizer, piece: dict[str, Any]
    ) -> Segment | None:
        """Return the piece as a segment, or None where it is empty or nobody spoke."""
        text = tokenizer.decode(piece["tokens"])
        duration = self._request.audio.seconds
        start, end = spoken_span(float(piece["start"]), float(piece["end"]), self._voice, duration)
        words = spoken_words(piece.get("words", ()), self._voice, duration)
        if words:
            start, end = words[0].start, words[-1].end
        if start >= end or not text.strip() or not self._is_spoken(start, end, decoded):
            return None
        segment = Segment(
            id=self._segments,
            seek=window.seek,
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
        self._segments += 1
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


def _prompt_tokens(tokenizer: Tokenizer, prompt: str | None) -> list[int]:
    """Return the end of a caller's prompt; what looks like a control token in it is left out."""
    if not prompt or not prompt.strip():
        return []
    tokens = tokenizer.encode(" " + prompt.strip()[-PROMPT_CHARACTERS:])
    return [token for token in tokens if token < tokenizer.eot][-PROMPT_TOKENS:]


def _placed(window: Window, piece: Piece) -> dict[str, Any]:
    return {
        "seek": window.seek,
        "start": (window.seek + piece.start) / FRAMES_PER_SECOND,
        "end": (window.seek + piece.end) / FRAMES_PER_SECOND,
        "tokens": list(piece.tokens),
    }
