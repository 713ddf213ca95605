"""A whole answer that was charged and died with its gateway is credited once; nothing else ever is."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from sayso.billing.cost_report import CostDimension, costs_by_day
from sayso.billing.credits import available
from sayso.billing.invoice_store import draft
from sayso.billing.invoices import Month, Party
from sayso.billing.ledger import CLOSED_HOLDS_SECONDS, Ledger
from sayso.billing.reservation import IdempotencyClaim, Reservation
from sayso.billing.settlement_spool import SettlementSpool
from sayso.billing.tables import AccountBalance, HoldRow, LedgerTransaction, UsageEventRow
from sayso.billing.usage_buckets import bucket_page
from sayso.billing.usage_report import EVERYTHING, UsageFilter
from sayso.billing.verify import verify
from sayso.core.metering import Outcome, Quantities
from sayso.core.usage import TokenUsage
from sayso.errors import IdempotencyConflict, StorageUnavailable
from sayso.ids import ProjectId
from sayso.inference.metering import BilledLedger, ChatUsageEvent
from sayso.telemetry.metrics import Metrics
from tests.integration.billing.billed_application import application, call
from tests.integration.billing.conftest import CALLER, Books, chat

USED = Quantities(9, 4)
MARCH = Month(2023, 3)
CLAIM = IdempotencyClaim(b"k" * 32, b"p" * 32)
OpenSpool = Callable[[], SettlementSpool]


@pytest.fixture
async def open_spool(books: Books, tmp_path: Path) -> AsyncGenerator[OpenSpool]:
    """A gateway's files, in a data folder that they share; each look finds what is new."""
    folder = tmp_path / "gateways"
    folder.mkdir()
    async with AsyncExitStack() as stack:

        def make() -> SettlementSpool:
            made = SettlementSpool(books.database, folder, look_seconds=0)
            stack.push_async_callback(made.close)
            return made

        yield make


def dies(spool: SettlementSpool) -> None:
    """Let go of the files as the system does when a process is killed: what is in them stays."""
    assert spool._files is not None
    spool._files.close()
    spool._files = None


async def answered(
    books: Books,
    spool: SettlementSpool,
    reservation: Reservation,
    *,
    outcome: Outcome = "completed",
    sent: bool = False,
) -> None:
    """Charge a request as a gateway does, up to its answer."""
    await spool.open()
    billing = BilledLedger(books.ledger, Metrics(), spool, patience=0.05)
    hold = await billing.reserve(reservation)
    await billing.settle(hold, ChatUsageEvent(CALLER, "gpt-3.5-turbo", "smollm2", TokenUsage(9, 4), outcome))
    if sent:
        billing.sent(hold.request_id)


async def kinds(books: Books) -> list[str]:
    assert (await verify(books.database)).divergence is None
    return [row["kind"] for row in await books.rows(LedgerTransaction)]


async def test_an_answer_that_was_lost_costs_nothing(books: Books, open_spool: OpenSpool) -> None:
    first, second = open_spool(), open_spool()
    await answered(books, first, chat(), sent=True)
    await answered(books, first, chat())
    await second.open()
    assert await second.replay(books.ledger) == 0, "a gateway that lives is left alone"
    dies(first)
    assert await second.replay(books.ledger) == 1
    assert await second.replay(books.ledger) == 0
    assert await kinds(books) == ["charge", "charge", "reversal"]
    _, lost, credit = await books.rows(LedgerTransaction)
    assert (credit["reverses"], credit["reference"]) == (lost["id"], lost["reference"])
    balances = {row["account"]: row["balance"] for row in await books.rows(AccountBalance)}
    assert balances["org:org_1:receivable"] == 26_000
    async with books.database.read() as session:
        assert await available(session, CALLER.org_id) == 26_000, "the next invoice takes it off"


async def test_costs_show_what_was_lost_no_more(books: Books, open_spool: OpenSpool) -> None:
    first, elsewhere = open_spool(), replace(CALLER, project_id=ProjectId("proj_2"))
    for _ in range(3):
        await answered(books, first, chat(), sent=True)
    await answered(books, first, chat())
    await answered(books, first, chat(caller=elsewhere))
    page = bucket_page(MARCH.start, MARCH.start + 2 * 86_400, "1d", 7)
    items = [("gpt-3.5-turbo, input_tokens", 9, 18_000), ("gpt-3.5-turbo, output_tokens", 4, 8_000)]

    async def costs(*by: CostDimension, only: UsageFilter = EVERYTHING) -> list[tuple[Any, ...]]:
        days = await costs_by_day(books.database, CALLER.org_id, page, group_by=by, only=only)
        return [(one.project_id or one.line_item, one.quantity, one.amount) for day in days for one in day]

    assert await costs() == [(None, None, 5 * 26_000)]
    dies(first)
    assert await open_spool().replay(books.ledger) == 2
    assert await costs() == [(None, None, 3 * 26_000)]
    assert await costs("project_id") == [("proj_1", None, 3 * 26_000)]
    assert await costs("line_item") == [(name, 3 * used, 3 * amount) for name, used, amount in items]
    assert await costs(only=UsageFilter(project_ids=("proj_2",))) == []
    invoice = await draft(books.database, Party(CALLER.org_id, "Buyer"), MARCH)
    assert invoice.nano_usd == 5 * 26_000, "it shows what was used, and the credit beside it"


async def test_the_same_gateway_started_again_credits_at_once(books: Books, open_spool: OpenSpool) -> None:
    first = open_spool()
    await answered(books, first, chat())
    dies(first)
    metrics = Metrics()
    billing = BilledLedger(books.ledger, metrics, open_spool())
    billing.start()
    async with asyncio.timeout(5):
        while b"sayso_credited_answers_total 1.0" not in metrics.render()[0]:  # noqa: ASYNC110 - has no event
            await asyncio.sleep(0.01)
    await billing.close()
    assert await kinds(books) == ["charge", "reversal"]


async def test_gateways_that_look_at_once_credit_once(books: Books, open_spool: OpenSpool) -> None:
    first, *others = [open_spool() for _ in range(4)]
    for _ in range(20):
        await answered(books, first, chat())
    for one in others:
        await one.open()
    dies(first)
    ledgers = [Ledger.open(books.database, clock=books.clock) for _ in others]
    credited = await asyncio.gather(
        *(one.replay(ledger) for one, ledger in zip(others, ledgers, strict=True))
    )
    assert sum(credited) == 20
    lost = tuple(row["request_id"] for row in await books.rows(UsageEventRow))
    again = await asyncio.gather(*(ledger.credit_unsent(lost) for ledger in ledgers))
    assert again == [0, 0, 0], "not even where all of them know of all"
    assert (await kinds(books)).count("reversal") == 20
    for ledger in ledgers:
        await ledger.close()


async def test_ledgers_that_credit_at_once_credit_once(books: Books, open_spool: OpenSpool) -> None:
    for _ in range(20):
        await answered(books, open_spool(), chat())
    lost = tuple(row["request_id"] for row in await books.rows(UsageEventRow))
    other = Ledger.open(books.database, clock=books.clock)
    found = await asyncio.gather(
        *(ledger.credit_unsent(lost) for ledger in (books.ledger, other, books.ledger))
    )
    assert sum(found) == 20
    assert (await kinds(books)).count("reversal") == 20
    await other.close()


@pytest.mark.parametrize(
    ("streamed", "outcome"),
    [(True, "completed"), (True, "disconnected"), (False, "disconnected"), (False, "failed")],
)
async def test_streams_and_clients_that_left_are_never_credited(
    books: Books, open_spool: OpenSpool, streamed: bool, outcome: Outcome
) -> None:
    first = open_spool()
    reservation = replace(chat(), streamed=streamed)
    await answered(books, first, reservation, outcome=outcome)
    dies(first)
    assert await open_spool().replay(books.ledger) == 0
    assert await books.ledger.credit_unsent((reservation.request_id, "req_unknown")) == 0
    assert await kinds(books) == ([] if outcome == "failed" else ["charge"])


async def test_a_stop_credits_nothing(books: Books, open_spool: OpenSpool) -> None:
    first = open_spool()
    await answered(books, first, chat())
    await first.close()
    assert await open_spool().replay(books.ledger) == 0
    assert await kinds(books) == ["charge"]


class Away:
    """Makes a ledger's settlements fail, although they may have happened."""

    def __init__(self, ledger: Ledger, patch: pytest.MonkeyPatch, *, after: bool) -> None:
        settle = ledger._settle

        async def fail(operation: Any) -> object:
            if after:
                await settle(operation)
            raise StorageUnavailable

        patch.setattr(ledger, "_settle", fail)


@pytest.mark.parametrize("after", [False, True], ids=["refused", "commit unknown"])
async def test_a_settlement_that_waited_for_an_answer_that_was_lost_costs_nothing(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    first, reservation = open_spool(), chat()
    with monkeypatch.context() as patch:
        Away(books.ledger, patch, after=after)
        await answered(books, first, chat(), sent=True)
        await answered(books, first, reservation)
    assert first.waiting == 2
    dies(first)
    second = open_spool()
    await second.open()
    dies(second)  # before it could settle anything: the next one knows as much
    third = open_spool()
    assert await third.replay(books.ledger) == (1 if after else 0)
    assert await kinds(books) == (["charge", "charge", "reversal"] if after else ["charge"])
    events = {row["request_id"]: row for row in await books.rows(UsageEventRow)}
    assert len(events) == 2
    if not after:
        assert events[reservation.request_id]["outcome"] == "failed"
    assert {row["state"] for row in await books.rows(HoldRow)} == {"settled"}


async def test_what_waits_of_a_gateway_that_is_gone_is_settled_by_another(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_spool(), open_spool()
    with monkeypatch.context() as patch:
        Away(books.ledger, patch, after=False)
        await answered(books, first, chat(), sent=True)
        await answered(books, first, chat())
    await second.open()
    assert second.waiting == 0
    dies(first)
    assert await second.replay(books.ledger) == 0
    assert sorted(row["outcome"] for row in await books.rows(UsageEventRow)) == ["completed", "failed"]
    assert await kinds(books) == ["charge"]


async def test_while_the_database_is_away_a_credit_waits(
    books: Books, open_spool: OpenSpool, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = open_spool(), open_spool()
    await answered(books, first, chat())
    dies(first)
    await second.open()

    async def away(_: object) -> int:
        raise StorageUnavailable

    with monkeypatch.context() as patch:
        patch.setattr(books.ledger, "credit_unsent", away)
        with pytest.raises(StorageUnavailable):
            await second.replay(books.ledger)
    await second.close()  # what is to be credited outlives a stop, too
    assert await open_spool().replay(books.ledger) == 1
    assert await kinds(books) == ["charge", "reversal"]


async def test_a_retry_after_the_credit_is_a_request_of_its_own(books: Books, open_spool: OpenSpool) -> None:
    first = open_spool()
    await answered(books, first, chat(idempotency=CLAIM))
    with pytest.raises(IdempotencyConflict):
        await books.ledger.reserve(chat(idempotency=CLAIM))
    dies(first)
    assert await open_spool().replay(books.ledger) == 1
    retried = await books.ledger.reserve(chat(idempotency=CLAIM))
    await books.ledger.settle(retried, USED, "completed")
    with pytest.raises(IdempotencyConflict, match=retried.request_id):
        await books.ledger.reserve(chat(idempotency=CLAIM))
    assert await kinds(books) == ["charge", "reversal", "charge"]


async def test_a_gateway_that_comes_back_days_later_still_credits(
    books: Books, open_spool: OpenSpool
) -> None:
    first = open_spool()
    await answered(books, first, chat(idempotency=CLAIM))
    dies(first)
    books.clock.advance(CLOSED_HOLDS_SECONDS + 1)
    await books.ledger.keep()
    assert await books.rows(HoldRow) == []
    assert await open_spool().replay(books.ledger) == 1
    assert await kinds(books) == ["charge", "reversal"]


async def test_the_mark_is_there_until_the_answer_leaves(books: Books, open_spool: OpenSpool) -> None:
    spool = open_spool()
    await spool.open()
    assert spool._files is not None
    unsent = spool._files.unsent
    app = application(BilledLedger(books.ledger, Metrics(), spool))
    seen: list[tuple[str, int]] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        async def looking(message: Any) -> None:
            seen.append((message["type"], len(unsent._slots)))
            await send(message)

        await app(scope, receive, looking)

    body = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "Say this."}]}
    await call(watched, "/v1/chat/completions", "sk-0-0-0", orjson.dumps(body), "application/json")
    assert seen == [("http.response.start", 1), ("http.response.body", 0)]

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        async def refusing(message: Any) -> None:
            assert len(unsent._slots) == 1
            raise ConnectionError

        await app(scope, receive, refusing)

    with pytest.raises(ConnectionError):
        await call(broken, "/v1/chat/completions", "sk-0-0-0", orjson.dumps(body), "application/json")
    assert len(unsent._slots) == 0, "a client that left is no death"
    assert await kinds(books) == ["charge", "charge"]
