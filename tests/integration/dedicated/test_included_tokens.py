"""Requests that an instance serves are counted, cost nothing, and no limit of the shared pool stops them."""

import pytest
from sqlalchemy import insert, select

from sayso.billing.invoice_store import draft, first_fault
from sayso.billing.invoices import Month, Party
from sayso.billing.late_settlement import LateSettlement
from sayso.billing.reservation import Reservation
from sayso.billing.tables import Budget, Counter, RateLimit, UsageEventRow
from sayso.billing.verify import verify
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.errors import QuotaExceeded, RateLimited
from sayso.ids import KeyId, new_request_id
from tests.integration.dedicated.worlds import World

TOKEN = 2_000  # nano-dollars


def request(world: World, instance_id: str = "") -> Reservation:
    return Reservation(
        new_request_id(),
        Caller(world.owner.org_id, world.project_id, KeyId("key_1")),
        "chat.completions",
        "chat",
        "gpt-3.5-turbo",
        "tiny",
        streamed=False,
        worst=Quantities(100, 100),
        instance_id=instance_id,
    )


async def test_tokens_on_an_instance_cost_nothing_and_spilled_ones_what_they_always_do(world: World) -> None:
    for instance_id in ("inst_1", ""):
        hold = await world.ledger.reserve(request(world, instance_id))
        await world.ledger.settle(hold, Quantities(30, 20), "completed")
    async with world.db.read() as session:
        table = UsageEventRow
        rows = await session.execute(select(table.instance_id, table.charge, table.prompt_tokens))
        events = {row.instance_id: (row.charge, row.prompt_tokens) for row in rows}
    assert events == {"inst_1": (0, 30), "": (50 * TOKEN, 30)}
    buyer = Party(world.owner.org_id, "Default")
    lines = (await draft(world.db, buyer, Month(2023, 3))).lines
    found = {(line.price_version, line.meter): (line.quantity, line.nano_usd) for line in lines}
    assert found == {
        ("dedicated", "prompt_tokens"): (30, 0),
        ("dedicated", "completion_tokens"): (20, 0),
        ("launch", "prompt_tokens"): (30, 30 * TOKEN),
        ("launch", "completion_tokens"): (20, 20 * TOKEN),
    }
    assert (await verify(world.db)).divergence is None
    assert await first_fault(world.db) is None


async def test_no_limit_and_no_budget_stops_what_is_paid_for(world: World) -> None:
    scope = {"scope_kind": "project", "scope_id": world.project_id}
    limit = {"model": "", "meter": "requests", "period": "minute", "value": 1}
    async with world.db.transaction() as session:
        await session.execute(insert(RateLimit), [scope | limit])
        await session.execute(insert(Budget), [scope | {"period": "day", "nano_usd": 500_000}])
    for _ in range(5):
        await world.ledger.reserve(request(world, "inst_1"))
    await world.ledger.reserve(request(world))
    with pytest.raises((RateLimited, QuotaExceeded)):
        await world.ledger.reserve(request(world))
    await world.ledger.reserve(request(world, "inst_1"))
    async with world.db.read() as session:
        counted = await session.scalars(select(Counter.requests).where(Counter.scope_kind == "key"))
        assert max(counted) == 1
    assert (await verify(world.db)).divergence is None


async def test_a_settlement_that_had_to_wait_is_still_an_instances(world: World) -> None:
    reservation = request(world, "inst_1")
    hold = await world.ledger.reserve(reservation)
    late = LateSettlement.of(hold, reservation, Quantities(30, 20), "completed")
    charge = await world.ledger.settle_late(LateSettlement.decode(late.encode()))
    assert charge.amount == 0
    assert (await verify(world.db)).divergence is None
