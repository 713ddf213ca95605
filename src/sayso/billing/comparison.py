"""How many times cheaper one price is than another."""

import tomllib
from fractions import Fraction
from functools import cache
from importlib.resources import files

from sayso.billing.money import parse_usd
from sayso.billing.pricing import PriceRow
from sayso.core.metering import Meter

THOUSAND_TOKENS = 1_000
MINUTE = 60_000  # milliseconds


@cache
def reference_prices() -> dict[tuple[str, Meter], PriceRow]:
    """Return prices, by model and meter, that serve for comparison only."""
    data = tomllib.loads(files("sayso.billing").joinpath("reference_prices.toml").read_text("utf-8"))
    return {
        (model, meter): PriceRow(model, meter, parse_usd(entry["usd"]), entry["unit_size"])
        for entry in data["prices"]
        for model in entry["models"]
        for meter in entry["meters"]
    }


def stated_price(text: str, meter: Meter) -> PriceRow:
    """Read a price in dollars, with or without the sign, per 1,000 tokens or per minute.

    Raises `InvalidRequest`.
    """
    unit_size = MINUTE if meter == "audio_milliseconds" else THOUSAND_TOKENS
    return PriceRow(text, meter, parse_usd(text.removeprefix("$")), unit_size)


def times(ours: PriceRow, theirs: PriceRow) -> Fraction | None:
    """Return how many times the price `ours` goes into `theirs`; None where ours is nothing."""
    if ours.nano_usd == 0:
        return None
    return Fraction(theirs.nano_usd * ours.unit_size, theirs.unit_size * ours.nano_usd)


def verdict(ratio: Fraction | None) -> str:
    """Say what `times` means, such as `10 times cheaper than`."""
    if ratio is None:
        return "free, unlike"
    if ratio == 1:
        return "the same price as"
    if ratio > 1:
        return f"{_number(ratio)} times cheaper than"
    return f"{_number(1 / ratio)} times dearer than" if ratio else "dearer than the free"


def _number(ratio: Fraction) -> str:
    hundredths = (ratio.numerator * 200 + ratio.denominator) // (2 * ratio.denominator)
    exact = "" if Fraction(hundredths, 100) == ratio else "about "
    whole, rest = divmod(hundredths, 100)
    return f"{exact}{whole:,}{f'.{rest:02}'.rstrip('0') if rest else ''}"
