"""An instance's load curve: what it does in all, and what each request waits, at rising concurrency."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

LEVELS: Final = (1, 2, 4, 8, 16)
TURNS: Final = 3  # how often each is measured


@dataclass(frozen=True, slots=True)
class Answer:
    """One request: seconds to its first token and from there to its last, and how many there were."""

    first_seconds: float
    rest_seconds: float
    tokens: int

    @property
    def token_seconds(self) -> float:
        """Seconds for each token after the first."""
        return self.rest_seconds / max(1, self.tokens - 1)


@dataclass(frozen=True, slots=True)
class Level:
    """What was measured at one concurrency: tokens a second of all requests, seconds at two quantiles."""

    concurrency: int
    answers: int
    tokens_per_second: float
    first_p50: float
    first_p95: float
    token_p50: float
    token_p95: float
    request_p50: float
    request_p95: float

    @classmethod
    def of(cls, concurrency: int, answers: Sequence[Answer], seconds: float) -> "Level":
        """Sum up the answers of `seconds` seconds. Raises `ValueError` for none."""
        first = [one.first_seconds for one in answers]
        token = [one.token_seconds for one in answers]
        whole = [one.first_seconds + one.rest_seconds for one in answers]
        return cls(
            concurrency,
            len(answers),
            sum(one.tokens for one in answers) / seconds,
            quantile(first, 0.5),
            quantile(first, 0.95),
            quantile(token, 0.5),
            quantile(token, 0.95),
            quantile(whole, 0.5),
            quantile(whole, 0.95),
        )

    @property
    def throughput(self) -> float:
        """The most that it does: tokens a second."""
        return self.tokens_per_second


@dataclass(frozen=True, slots=True)
class Transcript:
    """One recording that was heard: seconds that it took, and seconds of sound in it."""

    seconds: float
    audio_seconds: float


@dataclass(frozen=True, slots=True)
class SpeechLevel:
    """What an instance of speech did at one concurrency: seconds of sound a second, seconds for a request."""

    concurrency: int
    answers: int
    audio_seconds_per_second: float
    request_p50: float
    request_p95: float

    @classmethod
    def of(cls, concurrency: int, transcripts: Sequence[Transcript], seconds: float) -> "SpeechLevel":
        """Sum up what was heard in `seconds` seconds. Raises `ValueError` for nothing."""
        whole = [one.seconds for one in transcripts]
        heard = sum(one.audio_seconds for one in transcripts)
        return cls(concurrency, len(whole), heard / seconds, quantile(whole, 0.5), quantile(whole, 0.95))

    @property
    def throughput(self) -> float:
        """The most that it does: seconds of sound a second."""
        return self.audio_seconds_per_second


AnyLevel: TypeAlias = Level | SpeechLevel


def middle(turns: Sequence[AnyLevel]) -> AnyLevel:
    """Return the turn whose throughput is the median of an odd number of them, as it was measured."""
    return sorted(turns, key=lambda one: one.throughput)[len(turns) // 2]


def read_level(values: dict[str, float]) -> AnyLevel:
    """Return the level that these fields are of. Raises `TypeError` for others."""
    kind: type[Any] = SpeechLevel if "audio_seconds_per_second" in values else Level
    level: AnyLevel = kind(**values)
    return level


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value below which that share of `values` lies. Raises `ValueError` for none."""
    if not values:
        raise ValueError("there is nothing to take a quantile of")
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
