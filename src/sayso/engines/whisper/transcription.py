"""One request's walk through its audio: windows heard ahead of what is written down."""

from collections.abc import Sequence
from typing import Any

from faster_whisper.tokenizer import Tokenizer

from sayso.core.speech import Segment, SpeechEvent, SpeechFinished, SpeechRequest, SpeechStarted
from sayso.engines.whisper.coverage import Coverage
from sayso.engines.whisper.features import (
    FRAMES_PER_SECOND,
    HOP,
    WINDOW_FRAMES,
    frame_count,
    pcm_samples,
)
from sayso.engines.whisper.hearing import Decoded, Hearing, Window
from sayso.engines.whisper.model import DECODING, WhisperWeights
from sayso.engines.whisper.planning import plan_window
from sayso.engines.whisper.segments import SegmentWriter
from sayso.engines.whisper.short_windows import SURE_LANGUAGE, is_doubtful, longer_frames, padded_frames
from sayso.engines.whisper.voice import VoiceActivity, VoiceNetwork
from sayso.engines.whisper.windows import MIN_ADVANCE, Piece, WindowCut, cut_window

LISTEN_WINDOWS = 10  # whose loudness is looked at in one step, about half a second
AHEAD = 8  # windows of one recording that are heard before the first of them is written down
PROMPT_TOKENS = 223  # with the start-of-previous token half of Whisper's context
PROMPT_CHARACTERS = 4_000  # more than the last tokens of a prompt can hold
NO_LANGUAGE = "en"  # reported with probability 0 where nobody speaks


class Transcription:
    """The state between windows: where the next begins, what was written before it, who speaks what.

    Audio of more than a window is first listened through for its loudest bin, as in Whisper's published code;
    a few windows a step, so that nobody waits behind it. Windows that end in a pause are independent of each
    other: several are heard ahead and may be written down at once. `collect` brings `SpeechStarted` first,
    segments in order, and `SpeechFinished` last.
    """

    def __init__(
        self, weights: WhisperWeights, network: VoiceNetwork, request: SpeechRequest, language: str | None
    ) -> None:
        self._weights = weights
        self._request = request
        self._pcm = pcm_samples(request.audio.pcm)
        self._voice = VoiceActivity(network, self._pcm)
        self._segments = SegmentWriter(request, self._voice)
        self._coverage = Coverage(len(self._pcm))
        self._frames = frame_count(len(self._pcm))
        self._language = language
        self._loudest = -10.0
        self._listened = self._frames if self._frames <= WINDOW_FRAMES else 0
        self._seek = 0  # frames; up to there windows are heard or passed over
        self._rest: Window | None = None  # what is left of the window before the first open one
        self._rest_before: tuple[int, ...] = ()  # and what was written before that
        self._open: list[Hearing] = []  # in order of time, not written down or behind one that is not
        self._again: list[Hearing] = []  # short windows that are to be heard longer
        self._prompt: tuple[int, ...] | None = None
        self._before: tuple[int, ...] | None = None  # what the next window goes on from; None: the prompt
        self._events: list[SpeechEvent] = []
        self._started = self._finished = False

    @property
    def is_short(self) -> bool:
        """Whether all of it is one window."""
        return self._frames <= WINDOW_FRAMES

    @property
    def remaining(self) -> int:
        """Windows that are left at most."""
        begin = min((hearing.window.seek for hearing in self._open[:1]), default=self._seek)
        left = self._frames - begin
        return 0 if self._finished else max(1, -(-left // WINDOW_FRAMES))

    @property
    def can_step(self) -> bool:
        """Whether there is a window to hear, or loudness to look at."""
        if self._again or self._rest is not None or self._listened < self._frames:
            return True
        waits = len(self._open) >= AHEAD or any(not hearing.window.fixed for hearing in self._open)
        return self._seek < self._frames and not waits

    def step(self) -> Sequence[Hearing]:
        """Hear the next window, or pass over it where nobody speaks."""
        if self._listened < self._frames:
            self._listen()
            return ()
        if self._language is not None:
            self._start(self._language, 1.0)
        if self._again:
            return (self._hear_longer(self._again.pop()),)
        if self._rest is not None:
            return self._hear_the_rest(self._rest)
        window, seek = plan_window(self._voice, self._seek, self._frames, len(self._pcm))
        if window is None:
            self._seek = seek
            return ()
        before, self._before = self._before, None
        hearing = self._hear(window, before)
        self._open.append(hearing)
        self._seek = seek
        return (hearing,)

    def written(self, hearing: Hearing, decoded: Decoded) -> Sequence[Hearing]:
        """Take what was written about a window; return it if it is to be written down again."""
        if hearing.is_last:
            hearing.note(decoded)
            if hearing.done is None:
                return (hearing,)
        elif is_doubtful(decoded, hearing.tokenizer.timestamp_begin, hearing.window.frames):
            hearing.retried = True
            self._again.append(hearing)
        else:
            hearing.done = decoded
        self._write_segments()
        return ()

    def collect(self) -> Sequence[SpeechEvent]:
        """Return the events since the last call, at the end `SpeechFinished`."""
        self._write_segments()
        open_still = self._open or self._rest is not None or self._seek < self._frames
        if not open_still and not self._finished:
            self._start(self._language or NO_LANGUAGE, 0.0)
            spans = self._coverage.spans(self._voice) if self._request.coverage else ()
            self._events.append(SpeechFinished(self._request.audio.usage, spans))
            self._finished = True
        events, self._events = self._events, []
        return events

    def _listen(self) -> None:
        """Take the loudest bin of the next windows into account."""
        for _ in range(LISTEN_WINDOWS):
            frames = min(WINDOW_FRAMES, self._frames - self._listened)
            if frames <= 0:
                break
            mel = self._weights.listen(self._pcm, self._listened, frames)
            self._loudest = max(self._loudest, float(mel.max()))
            self._listened += frames

    def _start(self, language: str, probability: float) -> None:
        if not self._started:
            self._started = True
            self._events.append(SpeechStarted(language, probability))

    def _hear(self, window: Window, before: tuple[int, ...] | None) -> Hearing:
        """Run the encoder over a window, and name the language if nobody has; `before` None is the prompt."""
        mel = self._weights.listen(self._pcm, window.seek, window.frames)
        self._loudest = max(self._loudest, float(mel.max()))
        padded = padded_frames(window.frames)
        encoded = self._weights.encode(mel, self._loudest, padded)
        full = None
        if self._language is None:
            best = self._weights.detect(encoded)[0]
            if best.probability < SURE_LANGUAGE and padded < WINDOW_FRAMES:
                full = self._weights.encode(mel, self._loudest)
                best = self._weights.detect(full)[0]
            self._language = best.language
            self._start(best.language, best.probability)
        tokenizer = self._weights.tokenizer(self._language, self._request.task)
        if self._prompt is None:
            self._prompt = _prompt_tokens(tokenizer, self._request.prompt)
        if before is None:
            before = self._prompt
        return Hearing(
            window, mel, self._loudest, padded, encoded, tokenizer, before, self._request.temperature, full
        )

    def _hear_longer(self, hearing: Hearing) -> Hearing:
        if hearing.full is not None:
            hearing.encoded, hearing.padded = hearing.full, WINDOW_FRAMES
        else:
            hearing.padded = longer_frames(hearing.padded)
            hearing.encoded = self._weights.encode(hearing.mel, hearing.loudest, hearing.padded)
        return hearing

    def _hear_the_rest(self, rest: Window) -> Sequence[Hearing]:
        """Hear what the first open window left, or drop it where nobody speaks."""
        end = len(self._pcm) if rest.end >= self._frames else rest.end * HOP
        speech = self._voice.first_speech(rest.seek * HOP, end)
        if speech is None:
            self._rest = None
            return ()
        hearing = self._hear(rest, self._rest_before)
        self._open.insert(0, hearing)
        self._rest = None
        return (hearing,)

    def _write_segments(self) -> None:
        while self._open and self._rest is None and self._open[0].done is not None:
            self._write(self._open.pop(0))

    def _write(self, hearing: Hearing) -> None:
        """Cut a window into segments, and find where the next one begins if that is not known yet."""
        window, decoded = hearing.window, hearing.done
        assert decoded is not None
        if decoded.is_silence:
            self._coverage.note(hearing, decoded, [], window.frames)
            if not window.fixed:
                self._seek = window.end
            return
        cut = cut_window(decoded.tokens, hearing.tokenizer.timestamp_begin, window.frames, whole=window.fixed)
        pieces = [_placed(window, piece) for piece in cut.pieces]
        advance = self._advance(hearing, cut, pieces)
        segments = self._segments.write(hearing, decoded, pieces)
        self._events += segments
        self._coverage.note(hearing, decoded, segments, advance)
        if not window.fixed:
            self._before = self._context(hearing, decoded, segments)
            self._seek = window.seek + advance
        elif advance < window.frames:
            self._rest_before = self._context(hearing, decoded, segments)
            self._rest = Window(window.seek + advance, window.frames - advance)

    def _advance(self, hearing: Hearing, cut: WindowCut, pieces: list[dict[str, Any]]) -> int:
        """Return how many frames of the window are done; find the words, if asked."""
        if not self._request.word_timestamps:
            return cut.advance
        last = self._segments.align(self._weights, hearing, pieces)
        if last is not None and not cut.complete:
            frames = round(last * FRAMES_PER_SECOND) - hearing.window.seek
            if frames >= MIN_ADVANCE:
                return min(frames, hearing.window.frames)
        return cut.advance

    def _context(self, hearing: Hearing, decoded: Decoded, segments: Sequence[Segment]) -> tuple[int, ...]:
        """Return what was written before the next window, which goes on where this one breaks off."""
        if decoded.has_failed or decoded.temperature > float(DECODING["prompt_reset_on_temperature"]):
            return ()
        tokens = [token for segment in segments for token in segment.tokens]
        return (*hearing.before, *tokens)[-PROMPT_TOKENS:]


def _prompt_tokens(tokenizer: Tokenizer, prompt: str | None) -> tuple[int, ...]:
    """Return the end of a caller's prompt; what looks like a control token in it is left out."""
    if not prompt or not prompt.strip():
        return ()
    tokens = tokenizer.encode(" " + prompt.strip()[-PROMPT_CHARACTERS:])
    return tuple(token for token in tokens if token < tokenizer.eot)[-PROMPT_TOKENS:]


def _placed(window: Window, piece: Piece) -> dict[str, Any]:
    return {
        "seek": window.seek,
        "start": (window.seek + piece.start) / FRAMES_PER_SECOND,
        "end": (window.seek + min(piece.end, window.frames)) / FRAMES_PER_SECOND,
        "tokens": list(piece.tokens),
    }
