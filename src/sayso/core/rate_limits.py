"""What is left of the limits that a request counts against."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Allowance:
    """One meter in one period: `remaining` of `limit`, whole again after `reset` seconds."""

    limit: int
    remaining: int
    reset: float


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """The tightest limits, this request counted in; None where nothing limits the meter."""

    requests: Allowance | None = None
    tokens: Allowance | None = None


UNLIMITED = RateLimitState()
