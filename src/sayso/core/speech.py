"""A speech request, and the closed set of events that answers it."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

from sayso.core.usage import AudioUsage

SAMPLE_RATE = 16_000  # Hz; what Whisper hears
BYTES_PER_SAMPLE = 2  # signed 16-bit little endian

Task: TypeAlias = Literal["transcribe", "translate"]


@dataclass(frozen=True, slots=True)
class Audio:
    """Decoded sound: mono, 16 kHz, signed 16-bit little endian, in memory and nowhere else."""

    pcm: memoryview

    @property
    def samples(self) -> int:
        """Number of samples."""
        return self.pcm.nbytes // BYTES_PER_SAMPLE

    @property
    def usage(self) -> AudioUsage:
        """What this much audio counts as."""
        return AudioUsage(self.samples, SAMPLE_RATE)

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.samples / SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class SpeechRequest:
    """Audio to turn into text.

    `language` is an ISO 639-1 code, or None to have it detected. `temperature` 0 lets the engine fall
    back to higher ones when a window fails its checks; any other value is used as it is. `prompt` is
    text that came before. `word_timestamps` asks for words in every segment, `coverage` for what became of
    every sample.
    """

    model: str
    audio: Audio
    task: Task = "transcribe"
    language: str | None = None
    prompt: str | None = None
    temperature: float = 0.0
    word_timestamps: bool = False
    coverage: bool = False


@dataclass(frozen=True, slots=True)
class Word:
    """A word with its start and end in seconds from the beginning of the audio."""

    word: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    """Always first. `language` is an ISO 639-1 code with its probability (1.0 where it was given)."""

    language: str
    probability: float


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of speech: times in seconds, `seek` in frames of 10 ms, statistics as Whisper makes them."""

    id: int
    seek: int
    start: float
    end: float
    text: str
    tokens: tuple[int, ...]
    temperature: float
    avg_logprob: float
    compression_ratio: float
    no_speech_prob: float
    words: tuple[Word, ...] = ()


SpanState: TypeAlias = Literal["speech", "silence", "retried", "low_confidence"]


@dataclass(frozen=True, slots=True)
class Span:
    """What became of the samples from `begin` up to `end`, which is not in it.

    `retried`: speech that was written down more than once before it counted; `low_confidence`: speech whose
    text the engine is unsure of, or that it has no text for.
    """

    state: SpanState
    begin: int
    end: int

    @property
    def samples(self) -> int:
        """Its length."""
        return self.end - self.begin


@dataclass(frozen=True, slots=True)
class SpeechFinished:
    """Always last, exactly once; `coverage` has every sample in one span, or nothing if nobody asked."""

    usage: AudioUsage
    coverage: tuple[Span, ...] = ()


SpeechEvent: TypeAlias = SpeechStarted | Segment | SpeechFinished


@dataclass(frozen=True, slots=True)
class LanguageProbability:
    """An ISO 639-1 code and how probable it is, 0 to 1."""

    language: str
    probability: float
