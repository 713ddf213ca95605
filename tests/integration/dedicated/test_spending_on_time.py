"""The time of instances is spending: budgets, limits, alerts and usage have it."""

import importlib

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import Connection, select, text

from sayso.billing.budgets import budget, set_budget
from sayso.billing.reservation import Reservation
from sayso.billing.scopes import Scope
from sayso.billing.spend_alerts import AlertTerms, add_alert, raise_alerts
from sayso.billing.tables import Counter
from sayso.billing.usage_buckets import bucket_page
from sayso.billing.usage_of_time import time_in_buckets
from sayso.billing.usage_report import UsageFilter
from sayso.billing.usage_summary import By, usage_sums
from sayso.billing.verify import verify
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.dedicated.wishes import Changes
from sayso.errors import QuotaExceeded
from sayso.ids import InstanceId, KeyId, new_request_id
from tests.integration.dedicated.worlds import MICRO, PER_HOUR, START, World

HOUR = 3_600
DAY = 86_400
MIDNIGHT = START - START % DAY


async def ready(world: World, months: int = 0) -> InstanceId:
    made = await world.verbs.create(world.owner, world.wanted(months=months))
    await world.settle()
    return made.id


def request(world: World, instance_id: str = "") -> Reservation:
    caller = Caller(world.owner.org_id, world.project_id, KeyId("key_1"))
    worst = Quantities(10, 10)
    told = ("chat.completions", "chat", "gpt-3.5-turbo", "tiny")
    number = new_request_id()
    return Reservation(number, caller, *told, streamed=False, worst=worst, instance_id=instance_id)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["project", "organization"])
async def test_a_budget_that_time_has_used_up_stops_requests_and_starts_and_nothing_that_runs(
    world: World, kind: str
) -> None:
    instance_id = await ready(world)
    scope = (
        Scope("project", world.project_id) if kind == "project" else Scope("organization", world.owner.org_id)
    )
    async with world.db.transaction() as session:
        await set_budget(session, scope, "month", 2 * PER_HOUR)
    await world.pass_time(HOUR)
    assert (await world.ledger.reserve(request(world))).amount > 0
    await world.pass_time(HOUR)
    async with world.db.read() as session:
        standing = await budget(session, scope, "month", world.now)
    assert standing is not None
    assert standing.posted == 2 * PER_HOUR
    with pytest.raises(QuotaExceeded):
        await world.ledger.reserve(request(world))
    await world.ledger.reserve(request(world, instance_id))
    with pytest.raises(QuotaExceeded, match=kind):
        await world.verbs.create(world.owner, world.wanted("another"))
    with pytest.raises(QuotaExceeded):
        await world.verbs.update(world.owner, instance_id, Changes(cores=2))
    await world.verbs.update(world.owner, instance_id, Changes(memory_mib=500))
    await world.pass_time(HOUR)
    assert (await world.instance(instance_id)).state == "ready", "what runs goes on"
    await world.verbs.stop(world.owner, instance_id, 0)
    await world.settle()
    with pytest.raises(QuotaExceeded):
        await world.verbs.start(world.owner, instance_id)
    async with world.db.transaction() as session:
        await set_budget(session, scope, "month", 4 * PER_HOUR)
    assert (await world.verbs.start(world.owner, instance_id)).state == "reserved"
    assert (await verify(world.db)).divergence is None


async def test_what_is_reserved_is_paid_for_and_may_be_started(world: World) -> None:
    instance_id = await ready(world, months=1)
    async with world.db.transaction() as session:
        await set_budget(session, Scope("project", world.project_id), "day", PER_HOUR)
    await world.verbs.stop(world.owner, instance_id, 0)
    await world.settle()
    await world.pass_time(2 * HOUR)
    assert (await world.verbs.start(world.owner, instance_id)).state == "reserved"


async def test_an_alert_is_raised_by_the_hour_that_reaches_it(world: World) -> None:
    await ready(world)
    scope = Scope("project", world.project_id)
    async with world.db.transaction() as session:
        await add_alert(session, scope, AlertTerms(2 * PER_HOUR, ()), world.now)
    await world.pass_time(HOUR)
    assert not await raise_alerts(world.db, world.now)
    await world.pass_time(HOUR)
    (raised,) = await raise_alerts(world.db, world.now)
    assert (raised.scope, raised.posted) == (scope, 2 * PER_HOUR)


async def test_time_counts_in_the_day_and_month_in_which_it_was(world: World) -> None:
    world.now = (MIDNIGHT + DAY * 30 + 23 * HOUR) * MICRO  # the last hour of March
    await ready(world)
    await world.pass_time(2 * HOUR)
    async with world.db.read() as session:
        table = Counter
        rows = await session.execute(
            select(table.period, table.period_start, table.posted).where(table.scope_kind == "project")
        )
        found = {(period, start): posted for period, start, posted in rows}
    last, april = MIDNIGHT + 30 * DAY, MIDNIGHT + 31 * DAY
    assert found == {
        ("day", last): PER_HOUR,
        ("month", MIDNIGHT): PER_HOUR,
        ("day", april): PER_HOUR,
        ("month", april): PER_HOUR,
    }


@pytest.mark.parametrize("by", ["model", "project", "key", "day"])
async def test_usage_has_what_instances_cost(world: World, by: By) -> None:
    hold = await world.ledger.reserve(request(world))
    charge = await world.ledger.settle(hold, Quantities(10, 10), "completed")
    await ready(world)
    await world.pass_time(2 * HOUR)
    sums = await usage_sums(world.db, world.owner.org_id, MIDNIGHT, MIDNIGHT + DAY, by)
    assert sum(one.nano_usd for one in sums) == 2 * PER_HOUR + charge.amount
    assert sum(one.instance_seconds for one in sums) == 2 * HOUR
    (timed,) = [one for one in sums if one.instance_seconds]
    label = "dedicated instance fast"
    assert timed.label == {"project": world.project_id, "day": "2023-03-01"}.get(by, label)
    assert timed.requests == (1 if by in ("project", "day") else 0)


async def test_seconds_in_buckets(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(HOUR + 90, step=10)
    await world.verbs.stop(world.owner, instance_id, 0)
    await world.settle()
    org, everything = world.owner.org_id, UsageFilter()
    hours = bucket_page(START - HOUR, START + 2 * HOUR, "1h", 24)
    found = await time_in_buckets(world.db, org, hours, by_instance=True, only=everything)
    assert [[(one.instance_id, one.seconds) for one in bucket] for bucket in found] == [
        [],
        [(instance_id, HOUR)],
        [(instance_id, 90)],
    ]
    clipped = bucket_page(START + HOUR - 30, START + HOUR + 60, "1m", 24)
    found = await time_in_buckets(world.db, org, clipped, by_project=True, only=everything)
    assert [[(one.project_id, one.seconds) for one in bucket] for bucket in found] == [
        [(world.project_id, 30)],
        [(world.project_id, 60)],
    ]
    for none in (UsageFilter(models=("tiny",)), UsageFilter(project_ids=("other",))):
        assert not any(await time_in_buckets(world.db, org, hours, only=none))


def count_again(connection: Connection) -> None:
    migration = importlib.import_module("sayso.db.migrations.versions.0016_instance_spending")
    with Operations.context(MigrationContext.configure(connection)):
        migration._count_time()


async def test_time_that_was_charged_before_it_counted_does_after_the_upgrade(world: World) -> None:
    hold = await world.ledger.reserve(request(world))
    await world.ledger.settle(hold, Quantities(10, 10), "completed")
    await ready(world)
    await world.pass_time(2 * HOUR)
    async with world.db.transaction() as session:
        whose = "scope_kind <> 'key' AND period <> 'minute' AND model = ''"
        late = f"UPDATE counters SET posted = posted - {2 * PER_HOUR} WHERE {whose}"
        await session.execute(text(late))
        await session.execute(text("DELETE FROM counters WHERE posted = 0 AND requests = 0"))
    assert (await verify(world.db)).divergence is not None
    async with world.db.transaction() as session:
        await (await session.connection()).run_sync(count_again)
    assert (await verify(world.db)).divergence is None
