"""What quantities cost, against arithmetic of another kind: decimals in dollars."""

import random
from dataclasses import replace
from decimal import ROUND_HALF_UP, Decimal

import pytest

from sayso.billing.money import MAX_AMOUNT, checked, format_usd, parse_usd
from sayso.billing.price_book import check_draft, fingerprint, in_force, launch_prices, read_draft
from sayso.billing.pricing import PriceBookVersion, PriceRow, is_exact, line, price
from sayso.core.metering import Quantities
from sayso.core.usage import AudioUsage
from sayso.errors import AmountOverflow, InvalidRequest

LAUNCH = PriceBookVersion(1, "launch", 0, launch_prices().rows)


def oracle(quantities: Quantities) -> Decimal:
    """Return dollars: $0.002 for 1,000 tokens, $0.006 for a minute by the nearest second."""
    tokens = Decimal(quantities.prompt_tokens + quantities.completion_tokens) * Decimal("0.002") / 1000
    seconds = (Decimal(quantities.audio_milliseconds) / 1000).quantize(Decimal(1), ROUND_HALF_UP)
    if quantities.audio_milliseconds:
        seconds = max(seconds, Decimal(1))
    return tokens + seconds * Decimal("0.006") / 60


def test_ten_thousand_events_cost_what_an_independent_oracle_says() -> None:
    chance = random.Random(1)
    edges = [0, 1, 2, 499, 500, 501, 1_000, 1_499, 1_500, 2_500, 2**40]

    def some() -> int:
        return chance.choice(edges) if chance.random() < 0.3 else int(10 ** chance.uniform(0, 12))

    for _ in range(5_000):
        chat, speech = Quantities(some(), some()), Quantities(audio_milliseconds=some())
        for kind, quantities in (("chat", chat), ("speech", speech)):
            amount = price(LAUNCH, kind, "any", "thing", quantities).amount  # type: ignore[arg-type]
            assert Decimal(amount) / 10**9 == oracle(quantities)


@pytest.mark.parametrize("seconds", range(5))
def test_what_is_billed_is_what_answers_state(seconds: int) -> None:
    for extra in (0, 1, 15, 16, 7_984, 7_999, 8_000, 8_001, 15_999):
        audio = AudioUsage(seconds * 16_000 + extra)
        charge = price(LAUNCH, "speech", "whisper-1", "x", Quantities(audio_milliseconds=audio.milliseconds))
        if audio.milliseconds:
            assert charge.amount == audio.whole_seconds * 100_000


def test_the_launch_prices_are_those_of_the_launch() -> None:
    assert price(LAUNCH, "chat", "gpt-3.5-turbo", "x", Quantities(600, 400)).amount == parse_usd("0.002")
    minute = Quantities(audio_milliseconds=60_000)
    assert price(LAUNCH, "speech", "whisper-1", "x", minute).amount == parse_usd("0.006")


def test_a_name_has_its_own_price_before_its_snapshot_and_its_kind() -> None:
    rows = (
        *launch_prices().rows,
        PriceRow("alias", "prompt_tokens", 7),
        PriceRow("snapshot", "prompt_tokens", 5),
    )
    book = PriceBookVersion(2, "b", 0, rows)
    one = Quantities(1)
    assert price(book, "chat", "alias", "snapshot", one).amount == 7
    assert price(book, "chat", "other", "snapshot", one).amount == 5
    assert price(book, "chat", "other", "others", one).amount == 2_000


def test_amounts_beyond_64_bits_raise() -> None:
    with pytest.raises(AmountOverflow):
        line(PriceRow("m", "prompt_tokens", 2_000), 2**53)
    with pytest.raises(AmountOverflow):
        checked(2**63)
    assert checked(-MAX_AMOUNT) == -MAX_AMOUNT


def test_only_exact_prices_are_taken() -> None:
    assert is_exact(PriceRow("m", "prompt_tokens", 1, unit_size=1_000, increment=1_000))
    assert not is_exact(PriceRow("m", "prompt_tokens", 1, unit_size=3))
    draft = launch_prices()
    for change in (
        {"rows": draft.rows[:-1]},
        {"rows": (*draft.rows, draft.rows[0])},
        {"rows": (*draft.rows, PriceRow("m", "prompt_tokens", 1, unit_size=7))},
        {"rows": (*draft.rows, PriceRow("m", "prompt_tokens", -1))},
        {"version": ""},
        {"currency": "EUR"},
    ):
        with pytest.raises(InvalidRequest):
            check_draft(replace(draft, **change))
    with pytest.raises(InvalidRequest):
        read_draft({"version": "x", "prices": [{"models": ["m"]}]})


def test_the_latest_version_in_force_prices_and_of_two_the_one_published_last() -> None:
    books = [PriceBookVersion(n, str(n), moment, ()) for n, moment in ((1, 0), (2, 50), (3, 50), (4, 90))]
    assert [in_force(books, moment).id for moment in (0, 49, 50, 89, 90)] == [1, 1, 3, 3, 4]


def test_a_fingerprint_does_not_depend_on_order() -> None:
    rows = launch_prices().rows
    assert fingerprint(rows) == fingerprint(rows[::-1])
    assert fingerprint(rows) != fingerprint(rows[1:])


@pytest.mark.parametrize(
    ("text", "amount"),
    [("0.002", 2_000_000), ("-1.5", -1_500_000_000), ("0.000000001", 1), ("12", 12 * 10**9)],
)
def test_decimals_are_read_exactly(text: str, amount: int) -> None:
    assert parse_usd(text) == amount
    assert parse_usd(format_usd(amount)) == amount


@pytest.mark.parametrize("text", ["", "1e3", "0.0000000001", ".5", "1,5", "NaN", "٣"])
def test_what_is_no_decimal_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        parse_usd(text)


def test_amounts_are_written_in_full() -> None:
    assert [format_usd(amount) for amount in (0, 10**7, 2_000, -1)] == [
        "0.00",
        "0.01",
        "0.000002",
        "-0.000000001",
    ]
