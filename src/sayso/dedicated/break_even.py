"""From how many tokens a day an instance is cheaper than paying for tokens."""

from dataclasses import dataclass
from fractions import Fraction

from sayso.billing.pricing import PriceRow

DAY_SECONDS = 86_400
DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Tokens a day, and a second, at which both ways to pay cost the same; exact.

    `sustainable` is what an instance here was measured to write a second at most, None where nobody has.
    """

    tokens_per_day: Fraction
    sustainable: Fraction | None = None

    @property
    def tokens_per_second(self) -> Fraction:
        """The same, a second, all day long."""
        return self.tokens_per_day / DAY_SECONDS

    @property
    def reachable_per_day(self) -> Fraction | None:
        """What an instance here can do in a day."""
        return None if self.sustainable is None else self.sustainable * DAY_SECONDS

    @property
    def is_reachable(self) -> bool | None:
        """Whether an instance here can do that much; None where nobody has measured."""
        reach = self.reachable_per_day
        return None if reach is None else reach >= self.tokens_per_day


def break_even(nano_usd_per_hour: int, nano_usd_per_token: Fraction) -> Fraction:
    """Return the tokens a day that cost as much as an instance: 24 hours by the price of a token.

    Raises `ZeroDivisionError` where tokens cost nothing.
    """
    return Fraction(nano_usd_per_hour * DAY_HOURS) / nano_usd_per_token


def blended(prompt: PriceRow, completion: PriceRow, prompt_tokens: int, completion_tokens: int) -> Fraction:
    """Return what a token costs on average, in nano-dollars, of so many of each; as many of each for none."""
    if not prompt_tokens + completion_tokens:
        prompt_tokens = completion_tokens = 1
    cost = _each(prompt) * prompt_tokens + _each(completion) * completion_tokens
    return cost / (prompt_tokens + completion_tokens)


def _each(row: PriceRow) -> Fraction:
    return Fraction(row.nano_usd, row.unit_size)
