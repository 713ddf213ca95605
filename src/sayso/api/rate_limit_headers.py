"""The `x-ratelimit-*` headers; durations as Go prints them, which is what OpenAI's clients read."""

from sayso.core.rate_limits import Allowance, RateLimitState


def rate_limit_headers(meter: str, allowance: Allowance) -> dict[str, str]:
    """Return the three headers of one meter, `requests` or `tokens`."""
    return {
        f"x-ratelimit-limit-{meter}": str(allowance.limit),
        f"x-ratelimit-remaining-{meter}": str(max(0, allowance.remaining)),
        f"x-ratelimit-reset-{meter}": go_duration(allowance.reset),
    }


def state_headers(state: RateLimitState) -> dict[str, str]:
    """Return the headers of every meter that is limited."""
    headers: dict[str, str] = {}
    for meter, allowance in (("requests", state.requests), ("tokens", state.tokens)):
        if allowance is not None:
            headers |= rate_limit_headers(meter, allowance)
    return headers


def go_duration(seconds: float) -> str:
    """Return `20ms`, `1.2s`, `6m0s` or `23h59m1s`: to the millisecond, and never less than 0."""
    milliseconds = max(0, round(seconds * 1_000))
    if milliseconds < 1_000:
        return f"{milliseconds}ms" if milliseconds else "0s"
    whole, fraction = divmod(milliseconds, 1_000)
    minutes, whole = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    rest = f"{whole}.{fraction:03d}".rstrip("0") if fraction else str(whole)
    text = f"{rest}s"
    if hours or minutes:
        text = f"{minutes}m{text}"
    return f"{hours}h{text}" if hours else text
