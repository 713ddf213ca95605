"""Limits on the wire: the headers, and the two kinds of 429."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.api.errors import to_wire
from sayso.api.rate_limit_headers import go_duration, state_headers
from sayso.core.rate_limits import Allowance, RateLimitState
from sayso.errors import QuotaExceeded, RateLimited


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (-3.0, "0s"),
        (0.0004, "0s"),
        (0.02, "20ms"),
        (0.9996, "1s"),
        (1.2, "1.2s"),
        (1, "1s"),
        (8.64, "8.64s"),
        (59.9999, "1m0s"),
        (360, "6m0s"),
        (61.05, "1m1.05s"),
        (86_399, "23h59m59s"),
        (3_600, "1h0m0s"),
    ],
)
def test_durations_read_as_go_prints_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text


@given(st.floats(0, 10**6))
def test_a_duration_can_be_read_back_to_the_millisecond(seconds: float) -> None:
    found = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:([\d.]+)(ms|s))", go_duration(seconds))
    assert found
    hours, minutes, rest, unit = found.groups()
    read = int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(rest) * (0.001 if unit == "ms" else 1)
    assert read == pytest.approx(seconds, abs=0.000_51)


def test_only_what_is_limited_has_headers() -> None:
    assert state_headers(RateLimitState()) == {}
    assert state_headers(RateLimitState(requests=Allowance(60, 59, 20.5))) == {
        "x-ratelimit-limit-requests": "60",
        "x-ratelimit-remaining-requests": "59",
        "x-ratelimit-reset-requests": "20.5s",
    }
    both = state_headers(RateLimitState(Allowance(60, 59, 1), Allowance(1000, -5, 0.25)))
    assert both["x-ratelimit-remaining-tokens"] == "0"
    assert both["x-ratelimit-reset-tokens"] == "250ms"
    assert len(both) == 6


def limited(requested: int = 1) -> RateLimited:
    return RateLimited(
        meter="requests",
        period="minute",
        limit=3,
        remaining=0,
        requested=requested,
        retry_after=19.2,
        model="gpt-3.5-turbo",
        scope="organization org_1",
    )


def test_a_reached_limit_says_when_to_come_back() -> None:
    wire = to_wire(limited())
    assert wire.message == (
        "Rate limit reached for gpt-3.5-turbo in organization org_1 on requests per min: Limit 3, Used 3, "
        "Requested 1. Please try again in 20s."
    )
    assert wire.headers == {
        "retry-after": "20",
        "x-should-retry": "true",
        "x-ratelimit-limit-requests": "3",
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "19.2s",
    }


def test_a_request_over_the_whole_limit_is_not_to_be_repeated() -> None:
    wire = to_wire(limited(requested=4))
    assert wire.headers["x-should-retry"] == "false"
    assert "too large" in wire.message


def test_a_spent_budget_is_not_to_be_repeated() -> None:
    wire = to_wire(QuotaExceeded())
    assert (wire.status, wire.type, wire.code) == (429, "insufficient_quota", "insufficient_quota")
    assert wire.headers == {"x-should-retry": "false"}
