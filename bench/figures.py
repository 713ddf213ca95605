"""What a measurement gives."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median
from typing import Any


@dataclass(frozen=True, slots=True)
class Figure:
    """A number with its unit; `at_least` or `at_most` is its target, if it has one."""

    name: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    samples: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the target is met, None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        if self.at_most is not None:
            return self.value <= self.at_most
        return None


def ratio(
    name: str, ours: Sequence[float], bare: Sequence[float], *, at_least: float | None = None
) -> Figure:
    """Return the median over rounds of ours ÷ bare.

    Both sides of a round ran one after the other, so a slow minute of the machine takes from both.
    """
    quotients = [a / b for a, b in zip(ours, bare, strict=True)]
    samples = {"http": list(ours), "bare": list(bare)}
    return Figure(name, median(quotients), "×", at_least=at_least, samples=samples)
