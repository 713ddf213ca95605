"""What a request consumed."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TokenUsage:
    """Tokens as the engine itself counted them, chat template and end-of-turn tokens included.

    `prompt_tokens` counts the prompt once however many choices were asked for; `cached_tokens` is the
    part of it that the prefix cache served; `completion_tokens` sums all choices.
    """

    prompt_tokens: int
    completion_tokens: int
    cached_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Prompt plus completion."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class AudioUsage:
    """Audio heard, counted from decoded samples and never from a container's header."""

    samples: int
    sample_rate: int = 16_000

    @property
    def seconds(self) -> float:
        """Exact duration."""
        return self.samples / self.sample_rate

    @property
    def milliseconds(self) -> int:
        """Whole milliseconds, the rest cut off: so they round to the same second as the samples do."""
        return self.samples * 1_000 // self.sample_rate

    @property
    def whole_seconds(self) -> int:
        """Duration to the nearest second, ties up, at least 1 for any audio: the figure of responses."""
        nearest = (2 * self.samples + self.sample_rate) // (2 * self.sample_rate)
        return max(1, nearest) if self.samples else 0
