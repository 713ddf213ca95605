"""Holds become charges: counters, the ledger and usage agree at every step."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sayso.billing.reservation import Hold, Reservation
from sayso.billing.tables import (
    AccountBalance,
    Counter,
    HoldRow,
    LedgerEntry,
    LedgerTransaction,
    UsageDay,
    UsageEventRow,
    UsageHour,
)
from sayso.core.metering import Quantities
from sayso.errors import AmountOverflow, InvalidRequest, QuotaExceeded, RateLimited
from sayso.ids import OrgId
from tests.integration.billing.conftest import Books, chat


async def used(books: Books, period: str, kind: str = "project") -> dict[str, int]:
    rows = await books.rows(Counter)
    (row,) = (r for r in rows if (r["period"], r["scope_kind"], r["model"]) == (period, kind, ""))
    return {name: row[name] for name in ("requests", "tokens", "audio_milliseconds", "held", "posted")}


async def test_a_settled_request_is_charged_once_and_its_hold_is_gone(books: Books) -> None:
    hold = await books.ledger.reserve(chat(10, 20))
    assert hold.amount == 60_000
    assert await used(books, "day") == {
        "requests": 1,
        "tokens": 30,
        "audio_milliseconds": 0,
        "held": 60_000,
        "posted": 0,
    }
    charge = await books.ledger.settle(hold, Quantities(9, 4, 2), "completed")
    again = await books.ledger.settle(hold, Quantities(9, 4, 2), "completed")
    assert charge == again
    assert charge.amount == 26_000
    assert (await used(books, "day"))["posted"] == 26_000
    assert (await used(books, "month"))["held"] == 0
    assert (await used(books, "minute"))["tokens"] == 13
    (event,) = await books.rows(UsageEventRow)
    assert (event["charge"], event["cached_tokens"], event["transaction_id"]) == (26_000, 2, 1)
    (hour,) = await books.rows(UsageHour)
    assert (hour["hour"], hour["requests"], hour["prompt_charge"]) == (1_677_672_000, 1, 18_000)
    entries = [(row["account"], row["amount"]) for row in await books.rows(LedgerEntry)]
    assert entries == [
        ("org:org_1:receivable", 26_000),
        ("revenue:prompt_tokens", -18_000),
        ("revenue:completion_tokens", -8_000),
    ]
    (row,) = await books.rows(HoldRow)
    assert (row["state"], row["amount"], row["tokens"]) == ("settled", 26_000, 13)


async def test_more_than_the_worst_case_is_charged_all_the_same(books: Books) -> None:
    hold = await books.ledger.reserve(chat(1, 1))
    assert (await books.ledger.settle(hold, Quantities(10, 10), "completed")).amount == 40_000
    assert (await used(books, "day"))["posted"] == 40_000


async def test_what_an_instance_serves_is_counted_nowhere_and_recorded(books: Books) -> None:
    hold = await books.ledger.reserve(replace(chat(), instance_id="inst_1"))
    charge = await books.ledger.settle(hold, Quantities(10, 5), "completed")
    assert (hold.amount, charge.amount) == (0, 0)
    assert await books.rows(Counter) == []
    (event,) = await books.rows(UsageEventRow)
    assert (event["instance_id"], event["completion_tokens"]) == ("inst_1", 5)
    (day,) = await books.rows(UsageDay)
    assert day["requests"] == 1
    await books.ledger.settle(await books.ledger.reserve(chat()), Quantities(10, 5), "completed")
    assert {row["requests"] for row in await books.rows(Counter)} == {1}


async def test_our_own_failure_charges_nothing_and_counts_no_tokens(books: Books) -> None:
    hold = await books.ledger.reserve(chat())
    assert (await books.ledger.settle(hold, Quantities(9, 4), "failed")).amount == 0
    (event,) = await books.rows(UsageEventRow)
    assert (event["outcome"], event["completion_tokens"], event["charge"]) == ("failed", 4, 0)
    assert await books.rows(LedgerTransaction) == []
    assert await used(books, "minute") == {
        "requests": 1,
        "tokens": 0,
        "audio_milliseconds": 0,
        "held": 0,
        "posted": 0,
    }
    (hour,) = await books.rows(UsageHour)
    assert (hour["requests"], hour["failed_requests"], hour["completion_tokens"]) == (0, 1, 0)


async def test_a_released_hold_leaves_a_request_and_nothing_else(books: Books) -> None:
    hold = await books.ledger.reserve(chat())
    await books.ledger.release(hold)
    assert (await used(books, "month")) == {
        "requests": 1,
        "tokens": 0,
        "audio_milliseconds": 0,
        "held": 0,
        "posted": 0,
    }
    assert await books.rows(UsageEventRow) == []


async def test_fifty_at_once_against_a_budget_for_ten(books: Books) -> None:
    await books.budget(600_000)
    results = await asyncio.gather(
        *(books.ledger.reserve(chat(10, 20)) for _ in range(50)), return_exceptions=True
    )
    holds = [one for one in results if isinstance(one, Hold)]
    assert len(holds) == 10
    assert sum(isinstance(one, QuotaExceeded) for one in results) == 40
    for hold in holds:
        await books.ledger.settle(hold, Quantities(10, 20), "completed")
    with pytest.raises(QuotaExceeded):
        await books.ledger.reserve(chat(1, 0))
    books.clock.advance(86_400)
    await books.ledger.reserve(chat(10, 20))


@pytest.mark.parametrize("scope", [("key", "key_1"), ("project", "proj_1"), ("organization", "org_1")])
async def test_a_limit_is_reached_exactly_and_lifts_with_the_minute(
    books: Books, scope: tuple[str, str]
) -> None:
    kind, name = scope
    await books.limit("requests", 3, scope_kind=kind, scope_id=name)
    results = await asyncio.gather(*(books.ledger.reserve(chat()) for _ in range(9)), return_exceptions=True)
    granted = [one for one in results if isinstance(one, Hold)]
    allowances = [one.rate_limits.requests for one in granted]
    assert [one.remaining for one in allowances if one] == [2, 1, 0]
    refused = [one for one in results if isinstance(one, RateLimited)]
    assert len(refused) == 6
    assert (refused[0].limit, refused[0].remaining, refused[0].retry_after) == (3, 0, 50)
    books.clock.advance(50)
    await books.ledger.reserve(chat())


async def test_tokens_are_held_at_their_worst_and_given_back(books: Books) -> None:
    await books.limit("tokens", 60)
    first = await books.ledger.reserve(chat(10, 20))
    await books.ledger.reserve(chat(10, 20))
    with pytest.raises(RateLimited) as refused:
        await books.ledger.reserve(chat(1, 0))
    assert refused.value.remaining == 0
    await books.ledger.settle(first, Quantities(10, 5), "completed")
    last = await books.ledger.reserve(chat(10, 5))
    assert last.rate_limits.tokens is not None
    assert last.rate_limits.tokens.remaining == 0


@pytest.mark.parametrize("limited", ["gpt-3.5-turbo", "smollm2"])
async def test_a_model_is_limited_by_either_of_its_names(books: Books, limited: str) -> None:
    await books.limit("requests", 1, model=limited)
    await books.ledger.reserve(chat())
    with pytest.raises(RateLimited):
        await books.ledger.reserve(chat())
    await books.ledger.reserve(chat(model="other") if limited == "gpt-3.5-turbo" else chat_elsewhere())


def chat_elsewhere() -> Reservation:
    return replace(chat(), snapshot="another", model="another")


async def test_stale_holds_are_swept_and_a_late_settlement_still_counts(books: Books) -> None:
    hold, kept = await books.ledger.reserve(chat()), await books.ledger.reserve(chat())
    books.ledger.abandon(hold)
    books.clock.advance(46)
    await books.ledger.keep()
    states = {row["request_id"]: row["state"] for row in await books.rows(HoldRow)}
    assert states == {hold.request_id: "void", kept.request_id: "open"}
    assert (await used(books, "day"))["held"] == kept.amount
    await books.ledger.settle(hold, Quantities(1, 1), "completed")
    assert (await used(books, "day"))["posted"] == 4_000


async def test_what_can_never_be_settled_does_not_hold_for_ever(books: Books) -> None:
    hold = await books.ledger.reserve(chat())
    with pytest.raises(AmountOverflow):
        await books.ledger.settle(hold, Quantities(2**62, 2**62), "completed")
    books.clock.advance(46)
    await books.ledger.keep()
    assert [row["state"] for row in await books.rows(HoldRow)] == ["void"]


async def test_a_reversal_nets_to_zero_and_keeps_both(books: Books) -> None:
    hold = await books.ledger.reserve(chat())
    await books.ledger.settle(hold, Quantities(9, 4), "completed")
    number = await books.ledger.reverse(1)
    assert [row["kind"] for row in await books.rows(LedgerTransaction)] == ["charge", "reversal"]
    assert {row["balance"] for row in await books.rows(AccountBalance)} == {0}
    for again in (1, number, 99):
        with pytest.raises(InvalidRequest):
            await books.ledger.reverse(again)


async def test_sums_beyond_64_bits_raise_and_change_nothing(books: Books) -> None:
    owner = OrgId("org_1")
    most = (("org:org_1:credit", -(2**63 - 1)), ("promotions", 2**63 - 1))
    await books.ledger.post("credit", owner, "first", most)
    with pytest.raises(AmountOverflow):
        await books.ledger.post("credit", owner, "second", (("org:org_1:credit", -1), ("promotions", 1)))
    with pytest.raises(AmountOverflow):
        await books.ledger.reserve(chat(2**62, 2**62))
    with pytest.raises(InvalidRequest, match="sum to zero"):
        await books.ledger.post("credit", owner, "third", (("a", 1), ("b", 1)))
    assert len(await books.rows(LedgerTransaction)) == 1
    assert await books.rows(Counter) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger_entries SET amount = 0",
        "DELETE FROM ledger_entries",
        "UPDATE ledger_transactions SET kind = 'x'",
        "DELETE FROM ledger_transactions",
        "UPDATE usage_events SET charge = 0",
        "DELETE FROM usage_events",
        "UPDATE prices SET nano_usd = 0",
        "DELETE FROM price_books",
    ],
)
async def test_the_database_itself_refuses_to_change_the_record(books: Books, change: str) -> None:
    hold = await books.ledger.reserve(chat())
    await books.ledger.settle(hold, Quantities(9, 4), "completed")
    with pytest.raises(DBAPIError, match="append-only"):
        async with books.database.transaction() as session:
            await session.execute(text(change))
