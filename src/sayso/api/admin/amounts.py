"""Money at the API's edge: nano-dollars inside, exact decimals outside."""

import orjson

from sayso.billing.money import format_usd


def usd(nano_usd: int) -> dict[str, object]:
    """Return OpenAI's amount object; the number is written digit by digit and never was a float."""
    return {"value": orjson.Fragment(format_usd(nano_usd)), "currency": "usd"}
