"""Where an instance and paying for tokens cost the same: the closed form, exactly."""

import random
from fractions import Fraction

import pytest

from sayso.billing.price_book import launch_prices
from sayso.billing.pricing import PriceBookVersion, PriceRow
from sayso.catalog.snapshot import PackageSource, Snapshot
from sayso.dedicated.advice import Traffic, advice
from sayso.dedicated.break_even import BreakEven, blended, break_even
from sayso.dedicated.shapes import advice_shape
from sayso.errors import InvalidRequest

LAUNCH = launch_prices()
BOOK = PriceBookVersion(1, LAUNCH.version, 0, LAUNCH.rows)
TINY = Snapshot("tiny", "chat", "fake", PackageSource(), context_length=2_048)


def test_at_the_launch_prices_it_is_450_million_tokens_a_day() -> None:
    found = advice(BOOK, "gpt-3.5-turbo", TINY)
    assert found.nano_usd_per_hour == 37_500_000_000
    assert found.even.tokens_per_day == 450_000_000
    assert found.even.tokens_per_second == Fraction(450_000_000, 86_400)
    shape = advice_shape(found)
    assert shape["break_even_tokens_per_day"] == 450_000_000
    assert shape["break_even_tokens_per_second"] == "5208.333"
    assert shape["reachable_here"] is None


def test_the_calculator_is_the_closed_form() -> None:
    draw = random.Random(7)
    for _ in range(1_000):
        per_hour, price, unit = draw.randrange(1, 10**12), draw.randrange(1, 10**9), draw.randrange(1, 10**6)
        each = Fraction(price, unit)
        tokens = break_even(per_hour, each)
        assert tokens * each == 24 * per_hour
        assert tokens == Fraction(86_400) * Fraction(per_hour, 3_600) / each


def test_tokens_are_blended_as_they_were_used() -> None:
    prompt, answer = PriceRow("m", "prompt_tokens", 1_000), PriceRow("m", "completion_tokens", 4_000)
    assert blended(prompt, answer, 300, 100) == 1_750
    assert blended(prompt, answer, 0, 0) == 2_500


def test_what_can_not_be_reached_here_is_said() -> None:
    slow = advice(BOOK, "gpt-3.5-turbo", TINY, sustainable=Fraction(350))
    assert slow.even.reachable_per_day == 350 * 86_400
    assert slow.even.is_reachable is False
    assert "not reachable here" in slow.text
    fast = BreakEven(Fraction(450_000_000), Fraction(6_000))
    assert fast.is_reachable


def test_advice_goes_by_the_own_traffic() -> None:
    little = advice(BOOK, "gpt-3.5-turbo", TINY, traffic=Traffic(30 * 40_000_000, 30 * 5_000_000))
    assert "45,000,000 tokens a day are 10%" in little.text
    much = advice(BOOK, "gpt-3.5-turbo", TINY, traffic=Traffic(30 * 450_000_000, 30 * 50_000_000))
    assert "would save $100.00 a day" in much.text
    twice = advice(BOOK, "gpt-3.5-turbo", TINY, units=2)
    assert twice.even.tokens_per_day == 900_000_000


def test_what_has_no_price_has_no_break_even() -> None:
    bare = PriceBookVersion(1, "old", 0, tuple(row for row in LAUNCH.rows if row.meter != "instance_seconds"))
    with pytest.raises(InvalidRequest):
        advice(bare, "gpt-3.5-turbo", TINY)
    speech = Snapshot("heard", "speech", "fake", PackageSource())
    with pytest.raises(InvalidRequest):
        advice(BOOK, "whisper-1", speech)
