"""Numbers between bounds, as grammar terminals."""

from fractions import Fraction

from sayso.engines.openvino.grammar import either, literal

_DIGITS = 15


def integers(low: int | None, high: int | None) -> str | None:
    """Return the decimal integers from `low` to `high`, both included; None if there are none.

    An open side ends at 15 digits, or one digit beyond the other bound where that is longer.
    """
    far = 10 ** max(_DIGITS, *(len(str(abs(bound))) + 1 for bound in (low, high) if bound is not None), 1) - 1
    low = -far if low is None else low
    high = far if high is None else high
    if low > high:
        return None
    choices: list[str] = []
    if high >= 0:
        choices += _natural(max(low, 0), high)
    if low < 0:
        below = either(_natural(max(1, -high), -low))
        choices.append(f'"-" {below}')
    return either(choices)


def decimals(low: Fraction | None, high: Fraction | None, places: int = 6) -> str | None:
    """Return decimal numbers strictly inside or at `low` and `high`; None if none was found.

    Not all of them: whole numbers with up to `places` digits behind the point, as far as those stay inside.
    """
    floor_low = None if low is None else -((-low.numerator) // low.denominator)
    floor_high = None if high is None else high.numerator // high.denominator
    choices = []
    whole = integers(floor_low, floor_high)
    if whole is not None:
        choices.append(whole)
    fraction = f'"." [0-9]{{1,{places}}}'
    if floor_high is None or floor_high > 0:
        start = 0 if floor_low is None else max(0, floor_low)
        inner = integers(start, None if floor_high is None else floor_high - 1)
        choices += [f"{inner} {fraction}"] if inner else []
    if floor_low is None or floor_low < 0:
        start = 0 if floor_high is None else max(0, -floor_high)
        inner = integers(start, None if floor_low is None else -floor_low - 1)
        choices += [f'"-" {inner} {fraction}'] if inner else []
    if choices:
        return either(choices)
    return _between(low, high)


def _between(low: Fraction | None, high: Fraction | None) -> str | None:
    if low is None or high is None:
        return None
    for places in range(1, 7):
        scale = 10**places
        first = -((-low * scale).__floor__())
        last = (high * scale).__floor__()
        if first <= last:
            steps = range(first, min(last, first + 500) + 1)
            return either([literal(_decimal(step, places)) for step in steps])
    return None


def _decimal(scaled: int, places: int) -> str:
    whole, rest = divmod(abs(scaled), 10**places)
    return f"{'-' if scaled < 0 else ''}{whole}.{rest:0{places}d}"


def _natural(low: int, high: int) -> list[str]:
    """Return the integers from `low` to `high`, 0 <= low <= high, one choice for each length."""
    choices = []
    for length in range(len(str(low)), len(str(high)) + 1):
        first = max(low, 10 ** (length - 1) if length > 1 else 0)
        last = min(high, 10**length - 1)
        choices.append(_same_length(str(first), str(last)))
    return choices


def _same_length(low: str, high: str) -> str:
    if not low:
        return '""'
    rest = len(low) - 1
    if low[0] == high[0]:
        return f'"{low[0]}" {_same_length(low[1:], high[1:])}' if rest else f'"{low[0]}"'
    if not rest:
        return f"[{low}-{high}]"
    if low[1:] == "0" * rest and high[1:] == "9" * rest:
        return f"[{low[0]}-{high[0]}] [0-9]{{{rest}}}"
    choices = [f'"{low[0]}" {_same_length(low[1:], "9" * rest)}']
    if int(high[0]) - int(low[0]) > 1:
        choices.append(f"[{int(low[0]) + 1}-{int(high[0]) - 1}] [0-9]{{{rest}}}")
    choices.append(f'"{high[0]}" {_same_length("0" * rest, high[1:])}')
    return either(choices)
