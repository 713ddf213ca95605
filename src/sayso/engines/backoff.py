"""How long to wait before a crashed engine is started again."""

from dataclasses import dataclass

MAX_SECONDS = 60.0
STEADY_SECONDS = 60.0  # an engine that ran this long starts with a clean slate


@dataclass(frozen=True, slots=True)
class Backoff:
    """1, 2, 4 … 60 seconds; `failures` counts the starts that went wrong in a row."""

    failures: int = 0

    def after(self, ran_seconds: float) -> "Backoff":
        """Return the state after an engine that ran for `ran_seconds` has gone."""
        return Backoff(1 if ran_seconds >= STEADY_SECONDS else self.failures + 1)

    @property
    def seconds(self) -> float:
        """How long to wait now: the first restart is at once."""
        if self.failures <= 1:
            return 0.0
        return float(min(2.0 ** (self.failures - 2), MAX_SECONDS))
