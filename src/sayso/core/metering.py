"""What is measured of a request: quantities per meter, how it ended, what it costs at most."""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Meter: TypeAlias = Literal["prompt_tokens", "completion_tokens", "audio_milliseconds", "instance_seconds"]
METERS: tuple[Meter, ...] = ("prompt_tokens", "completion_tokens", "audio_milliseconds")  # of requests
ALL_METERS: tuple[Meter, ...] = (*METERS, "instance_seconds")

Outcome: TypeAlias = Literal["completed", "disconnected", "failed"]


@dataclass(frozen=True, slots=True)
class Quantities:
    """How much of each meter; `cached_tokens` is the part of `prompt_tokens` that a cache served."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    audio_milliseconds: int = 0

    @property
    def tokens(self) -> int:
        """Prompt plus completion."""
        return self.prompt_tokens + self.completion_tokens

    def of(self, meter: Meter) -> int:
        """Return the quantity of one meter."""
        match meter:
            case "prompt_tokens":
                return self.prompt_tokens
            case "completion_tokens":
                return self.completion_tokens
            case "audio_milliseconds":
                return self.audio_milliseconds
            case "instance_seconds":  # time is no request's
                return 0


NOTHING = Quantities()


def billable(actual: Quantities, outcome: Outcome) -> Quantities:
    """Return what of `actual` counts and is paid for: nothing of what failed through our own fault."""
    return NOTHING if outcome == "failed" else actual
