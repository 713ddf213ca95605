"""A window on its way through the model: heard by the encoder, written down by the decoder, perhaps again."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

from faster_whisper.tokenizer import Tokenizer

from sayso.engines.whisper.features import WINDOW_FRAMES, Floats

Encoded: TypeAlias = Any  # CTranslate2's StorageView of one window, (1, positions, width)
Likeness: TypeAlias = tuple[int, int, float]

FALLBACK_TEMPERATURES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
LOG_PROB_THRESHOLD = -1.0  # a mean log probability below this is a failed decode
COMPRESSION_RATIO_THRESHOLD = 2.4  # text that packs better than this repeats itself
NO_SPEECH_THRESHOLD = 0.6


@dataclass(frozen=True, slots=True)
class Window:
    """A stretch to decode, in frames; `fixed` where the next one begins at its end, whatever is written."""

    seek: int
    frames: int
    fixed: bool = True

    @property
    def end(self) -> int:
        """The frame behind it."""
        return self.seek + self.frames


@dataclass(frozen=True, slots=True)
class Decoded:
    """What the decoder wrote about one window, with its statistics."""

    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float

    @property
    def is_silence(self) -> bool:
        """Whether the decoder itself doubts both that somebody speaks and what it wrote."""
        return self.no_speech_prob > NO_SPEECH_THRESHOLD and self.avg_logprob <= LOG_PROB_THRESHOLD

    @property
    def repeats(self) -> bool:
        """Whether the text packs as only text that repeats itself does."""
        return self.compression_ratio > COMPRESSION_RATIO_THRESHOLD

    @property
    def has_failed(self) -> bool:
        """Whether there is speech, and the text is not to be relied on."""
        if self.no_speech_prob > NO_SPEECH_THRESHOLD and self.avg_logprob < LOG_PROB_THRESHOLD:
            return False
        return self.repeats or self.avg_logprob < LOG_PROB_THRESHOLD


@dataclass(slots=True, eq=False)
class Hearing:
    """One window with what the encoder made of it; `padded` is how many frames that heard.

    `full` is what it made of all 30 s, where that is known already. `before` are the tokens of what came
    before, `attempts` what the decoder wrote so far, `done` what counts.
    """

    window: Window
    mel: Floats
    loudest: float
    padded: int
    encoded: Encoded
    tokenizer: Tokenizer
    before: tuple[int, ...]
    temperature: float
    full: Encoded | None = None
    attempts: list[Decoded] = field(default_factory=list)
    done: Decoded | None = None
    retried: bool = False

    @property
    def is_last(self) -> bool:
        """Whether the encoder will hear it no further: all of Whisper's 30 s, or a second time."""
        return self.retried or self.padded == WINDOW_FRAMES

    @property
    def likeness(self) -> Likeness:
        """What windows that are written down in one batch have in common."""
        return (self.padded, len(self.before), self.temperature)

    def note(self, decoded: Decoded, ladder: Sequence[float] = FALLBACK_TEMPERATURES) -> None:
        """Take down an attempt: it is what counts, or `temperature` climbs a step.

        Only text that repeats itself is written down again: sampling leads out of a loop, but finds nothing
        likelier than the beam did. Where all repeat themselves, the likeliest counts, at the last step.
        A temperature that is not on the ladder's first step is the caller's and stays.
        """
        self.attempts.append(decoded)
        if not (decoded.repeats and decoded.has_failed) or self.attempts[0].temperature != ladder[0]:
            self.done = decoded
            return
        self.retried = True
        higher = [step for step in ladder if step > self.temperature]
        if higher:
            self.temperature = higher[0]
            return
        best = max(self.attempts, key=lambda attempt: attempt.avg_logprob)
        self.done = replace(best, temperature=decoded.temperature)
