"""Lines are rounded once, add up to the rounded whole, and credits never make an invoice negative."""

import csv
import io
import json
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.billing.invoice_document import as_csv, as_document, as_json, canonical, digest, from_document
from sayso.billing.invoices import Invoice, InvoiceLine, Month, Party, UnitPrice, compose, to_cents
from sayso.core.metering import METERS
from sayso.errors import AmountOverflow, InvalidRequest

CENT = Decimal("0.01")
BUYER = Party("org_1", "Buyer", (("proj_1", "First"), ("proj_2", "Second")))
NOVEMBER = Month(2026, 11)

lines = st.lists(
    st.builds(
        InvoiceLine,
        project_id=st.sampled_from(["proj_1", "proj_2"]),
        model=st.sampled_from(["gpt-3.5-turbo", "whisper-1"]),
        meter=st.sampled_from(METERS),
        price_version=st.sampled_from(["launch", "next"]),
        unit_price=st.sampled_from([None, UnitPrice(2_000_000, 1_000), UnitPrice(0, 1)]),
        quantity=st.integers(0, 2**40),
        nano_usd=st.one_of(st.integers(0, 10**7), st.integers(0, 2**50)),
    ),
    max_size=12,
)


def dollars(nano_usd: int) -> Decimal:
    """What an independent reading of the rule gives."""
    return (Decimal(nano_usd) / 10**9).quantize(CENT, ROUND_HALF_UP)


def line(nano_usd: int, model: str = "gpt-3.5-turbo", quantity: int = 1) -> InvoiceLine:
    return InvoiceLine("proj_1", model, "prompt_tokens", "launch", None, quantity, nano_usd)


@given(st.integers(-(2**63), 2**63))
def test_cents_are_rounded_half_up(nano_usd: int) -> None:
    assert Decimal(to_cents(nano_usd)) / 100 == dollars(nano_usd)


@given(lines, st.integers(0, 2**52))
def test_lines_add_up_to_the_rounded_whole(given_lines: list[InvoiceLine], credit: int) -> None:
    invoice = compose(NOVEMBER, BUYER, given_lines, credit_nano_usd=credit)
    exact = sum(one.nano_usd for one in given_lines)
    assert invoice.nano_usd == exact
    assert sum(one.quantity for one in invoice.lines) == sum(one.quantity for one in given_lines)
    assert all(Decimal(one.cents) / 100 == dollars(one.nano_usd) for one in invoice.lines)
    summed = sum(one.cents for one in invoice.lines) + invoice.rounding_cents
    assert Decimal(summed) / 100 == dollars(exact)
    assert abs(invoice.rounding_cents) <= (len(invoice.lines) + 1) // 2
    assert invoice.total_cents == summed - invoice.credit_cents >= 0


@given(lines, st.integers(0, 2**52))
def test_credit_is_taken_once_and_only_as_far_as_it_goes(given_lines: list[InvoiceLine], credit: int) -> None:
    invoice = compose(NOVEMBER, BUYER, given_lines, credit_nano_usd=credit)
    assert 0 <= invoice.credit_nano_usd <= credit
    assert 0 <= invoice.credit_cents <= invoice.subtotal_cents
    if invoice.total_cents:
        assert to_cents(credit - invoice.credit_nano_usd) == 0, "what is left of the credit shows on no line"


@given(lines)
def test_one_line_for_each_thing_in_the_same_order_whatever_came_first(
    given_lines: list[InvoiceLine],
) -> None:
    invoice = compose(NOVEMBER, BUYER, given_lines)
    assert invoice == compose(NOVEMBER, BUYER, reversed(given_lines))
    keys = [
        (one.project_id, one.model, one.meter, one.price_version, one.unit_price) for one in invoice.lines
    ]
    assert len(set(keys)) == len(keys)


def test_a_thousand_small_lines_cost_what_they_cost_together() -> None:
    small = [line(4_000_000, model=f"model-{n}") for n in range(1_000)]  # 0.4 cents each
    invoice = compose(NOVEMBER, BUYER, small)
    assert {one.cents for one in invoice.lines} == {0}
    assert (invoice.rounding_cents, invoice.total_cents) == (400, 400)


def test_a_charge_that_was_refunded_owes_nothing() -> None:
    invoice = compose(NOVEMBER, BUYER, [line(126_000_000)], credit_nano_usd=126_000_000)
    assert (invoice.subtotal_cents, invoice.credit_cents, invoice.total_cents) == (13, 13, 0)
    assert invoice.credit_nano_usd == 126_000_000


def test_a_debt_in_credits_is_not_added() -> None:
    assert compose(NOVEMBER, BUYER, [line(10**9)], credit_nano_usd=-5).total_cents == 100


def test_more_than_64_bits_are_refused() -> None:
    with pytest.raises(AmountOverflow):
        compose(NOVEMBER, BUYER, [line(2**62, model="a"), line(2**62, model="b")])


@pytest.mark.parametrize(
    ("price", "quantity", "nano_usd", "billed"),
    [
        (UnitPrice(6_000_000, 60_000), 61_499, 61 * 100_000, 61_000),  # whole seconds
        (UnitPrice(2_000_000, 1_000), 7, 14_000, 7),
        (UnitPrice(0, 1), 7, 0, 7),
        (None, 7, 14_000, 7),
        (UnitPrice(3, 1), 7, 20, 7),  # at no quantity does this price give that amount
    ],
)
def test_the_billed_quantity_is_what_the_price_was_paid_for(
    price: UnitPrice | None, quantity: int, nano_usd: int, billed: int
) -> None:
    one = InvoiceLine("proj_1", "m", "audio_milliseconds", "launch", price, quantity, nano_usd)
    assert one.billed_quantity == billed


def test_months_are_utc() -> None:
    december = Month.parse("2026-12")
    assert datetime.fromtimestamp(december.start, UTC) == datetime(2026, 12, 1, tzinfo=UTC)
    assert datetime.fromtimestamp(december.end, UTC) == datetime(2027, 1, 1, tzinfo=UTC)
    assert Month.of(datetime.fromisoformat("2027-01-01T00:30:00+01:00")) == december
    assert str(december) == "2026-12"
    assert december > NOVEMBER
    assert NOVEMBER.end == december.start


@pytest.mark.parametrize("text", ["2026", "2026-13", "26-1", "november", "", "2026-11-01"])
def test_other_text_is_no_month(text: str) -> None:
    with pytest.raises(InvalidRequest):
        Month.parse(text)


def issued() -> Invoice:
    mixed = [
        line(1_234_567_891, quantity=617_283),
        line(4_000_000, model="=HYPERLINK(0)"),
        line(4_000_000, model="m2"),
    ]
    drafted = compose(NOVEMBER, BUYER, mixed, credit_nano_usd=15_000_000, seller="S\nTown", note="Thanks")
    return Invoice(
        **{name: getattr(drafted, name) for name in ("month", "buyer", "seller", "note", "lines")},
        credit_nano_usd=drafted.credit_nano_usd,
        credit_cents=drafted.credit_cents,
        number="INV-000007",
        issued_at=1_796_000_000_000_000,
    )


def test_a_document_holds_everything() -> None:
    document = as_document(issued())
    assert as_document(from_document(json.loads(canonical(document)))) == document
    assert document["total"] == "1.22"  # 1.24 less 0.02
    assert document["subtotal_nano_usd"] == 1_242_567_891
    assert json.loads(as_json(issued())) == document
    assert digest(canonical(document)) != digest(canonical(document).replace("Thanks", "thanks"))


def test_the_amounts_of_the_csv_add_up_to_its_total() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv(issued()))))
    kinds = [row["kind"] for row in rows]
    assert kinds == ["usage"] * 3 + ["rounding", "credit", "total"]
    *parts, total = (Decimal(row["amount_usd"]) for row in rows)
    assert sum(parts) == total == Decimal("1.22")
    assert sum(int(row["nano_usd"]) for row in rows[:3]) == int(rows[-1]["nano_usd"])
    assert rows[0]["model"] == "'=HYPERLINK(0)", "no spreadsheet takes it for a formula"
