"""Prices and quantities as people read them; nothing is rounded."""

from sayso.billing.money import format_usd
from sayso.billing.pricing import HOUR_SECONDS
from sayso.core.metering import Meter

METER_NAMES: dict[Meter, str] = {
    "prompt_tokens": "prompt tokens",
    "completion_tokens": "completion tokens",
    "audio_milliseconds": "audio",
    "instance_seconds": "instance time",
}
_THOUSAND = 1_000  # tokens
_MINUTE = 60_000  # milliseconds


def price_text(meter: Meter, nano_usd: int, unit_size: int) -> str:
    """Return a price such as `$0.002 per 1,000 tokens`, or `$0.006 per minute`."""
    if meter == "instance_seconds" and unit_size == HOUR_SECONDS:
        return f"${format_usd(nano_usd)} per hour"
    usual = _MINUTE if meter == "audio_milliseconds" else _THOUSAND
    amount, rest = divmod(nano_usd * usual, unit_size)
    if rest:
        return f"${format_usd(nano_usd)} per {quantity_text(meter, unit_size)}"
    return f"${format_usd(amount)} per {'minute' if meter == 'audio_milliseconds' else '1,000 tokens'}"


def quantity_text(meter: Meter, quantity: int) -> str:
    """Return a quantity such as `1,234 tokens` or `61.5 s`."""
    if meter == "instance_seconds":
        return f"{quantity:,} s"
    if meter != "audio_milliseconds":
        return f"{quantity:,} token{'' if quantity == 1 else 's'}"
    seconds, rest = divmod(quantity, 1_000)
    return f"{seconds:,}{f'.{rest:03}'.rstrip('0') if rest else ''} s"
