"""How an instance is paid for: by the second, or for a term."""

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class OnDemand:
    """By the second, from the first time that it is ready until a stop is accepted."""


@dataclass(frozen=True, slots=True)
class Reserved:
    """For a term of whole months, in Unix seconds from `start` to before `end`, whether it runs or not."""

    start: int
    end: int
    months: int


Plan: TypeAlias = OnDemand | Reserved


@dataclass(frozen=True, slots=True)
class Rate:
    """The price of an hour of one unit, in nano-dollars, and the version of the price book it is from.

    A run that its project ends is paid for as `minimum_seconds` at least.
    """

    nano_usd_per_hour: int
    price_version: str
    minimum_seconds: int = 60

    def of(self, units: int) -> int:
        """Return what an hour of that many units costs, in nano-dollars."""
        return self.nano_usd_per_hour * units
