"""Nano-dollars: whole numbers in signed 64 bits, and the only places where they meet decimal text."""

import re

from sayso.errors import AmountOverflow, InvalidRequest

NANO_PER_USD = 1_000_000_000
NANO_PER_CENT = 10_000_000
MAX_AMOUNT = 2**63 - 1

_DECIMAL = re.compile(r"(-?)([0-9]{1,12})(?:\.([0-9]{1,9}))?", re.ASCII)


def parse_usd(text: str) -> int:
    """Return the nano-dollars that a decimal such as `0.002` says, exactly.

    Raises `InvalidRequest` for what is no decimal or has more than nine places, `AmountOverflow` for what is
    too large to be kept.
    """
    found = _DECIMAL.fullmatch(text)
    if found is None:
        raise InvalidRequest("An amount is a decimal in dollars with at most nine places, such as 0.002.")
    sign, whole, places = found.groups()
    amount = int(whole) * NANO_PER_USD + int((places or "").ljust(9, "0"))
    return checked(-amount if sign else amount)


def format_usd(amount: int) -> str:
    """Return nano-dollars as a decimal in dollars: two places or as many as it takes, nothing rounded."""
    whole, rest = divmod(abs(amount), NANO_PER_USD)
    places = f"{rest:09d}".rstrip("0").ljust(2, "0")
    return f"{'-' if amount < 0 else ''}{whole}.{places}"


def checked(amount: int) -> int:
    """Return `amount`. Raises `AmountOverflow` where a signed 64-bit number can not hold it."""
    if not -MAX_AMOUNT <= amount <= MAX_AMOUNT:
        raise AmountOverflow
    return amount
