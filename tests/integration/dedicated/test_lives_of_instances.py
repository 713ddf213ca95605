"""Instances from their making to their end, on a real database, with what is charged for them."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from sayso.billing.cost_report import costs_by_day
from sayso.billing.credits import available
from sayso.billing.instance_time import InstanceTime
from sayso.billing.invoice_store import draft
from sayso.billing.invoices import Month, Party
from sayso.billing.usage_buckets import bucket_page
from sayso.billing.usage_report import UsageFilter
from sayso.billing.verify import verify
from sayso.dedicated import capacity, store
from sayso.dedicated.configuration import Share
from sayso.dedicated.plan import Reserved
from sayso.dedicated.store import pinned_by_instances
from sayso.dedicated.tables import InstanceCreditRow
from sayso.dedicated.tokens import Token
from sayso.errors import (
    CapacityUnavailable,
    IdempotencyConflict,
    InstanceStateConflict,
    InvalidRequest,
    ObjectNotFound,
)
from sayso.ids import OrgId
from sayso.tenancy.projects import archive_project
from tests.integration.dedicated.lives import DAY, HOUR, POOL, books_agree, charged, ready
from tests.integration.dedicated.worlds import MACHINE, MICRO, PER_HOUR, START, World


async def test_an_hour_is_charged_at_its_price_and_ends_with_the_stop(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(HOUR + 30)
    assert await charged(world, instance_id) == (HOUR, PER_HOUR)
    await world.pass_time(30.5)
    await world.verbs.stop(world.owner, instance_id, 300)
    await world.settle()
    assert (await world.instance(instance_id)).state == "stopped"
    assert "stop 300" in world.hosts.calls
    await world.pass_time(HOUR)
    assert await charged(world, instance_id) == (HOUR + 60, PER_HOUR + PER_HOUR // 60)
    assert await world.held() == POOL
    await books_agree(world)


async def test_the_invoice_has_a_line_for_the_time_and_one_for_what_it_included(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(HOUR + 20)
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    buyer = Party(world.owner.org_id, "Default", ((world.project_id, "here"),))
    (line,) = (await draft(world.db, buyer, Month(2023, 3))).lines
    assert (line.model, line.meter, line.quantity) == (
        "dedicated instance fast",
        "instance_seconds",
        HOUR + 20,
    )
    assert line.unit_price is not None
    assert (line.unit_price.nano_usd, line.unit_price.unit_size) == (PER_HOUR, HOUR)
    assert line.nano_usd == PER_HOUR * (HOUR + 20) // HOUR
    await books_agree(world)


async def test_the_costs_of_a_day_have_its_time(world: World) -> None:
    await ready(world)
    await world.pass_time(HOUR, step=HOUR)
    page = bucket_page(START - START % DAY, START - START % DAY + DAY, "1d", 1)
    org = world.owner.org_id
    ((group,),) = await costs_by_day(world.db, org, page, group_by=["project_id", "line_item"])
    assert (group.amount, group.project_id) == (PER_HOUR, world.project_id)
    assert group.line_item == "dedicated instance fast, instance_seconds"
    assert (group.quantity, group.quantity_unit) == (HOUR, "duration_seconds")
    other = UsageFilter(project_ids=("other",))
    assert await costs_by_day(world.db, org, page, only=other) == [()]
    assert await costs_by_day(world.db, org, page, only=UsageFilter(api_key_ids=("key",))) == [()]


async def test_a_snapshot_is_held_by_what_runs_it(world: World) -> None:
    instance_id = await ready(world)
    async with world.db.read() as session:
        assert await pinned_by_instances(session, "tiny") == [f"instance {instance_id}"]
        assert await pinned_by_instances(session, "other") == []
    await world.verbs.delete(world.owner, instance_id)
    await world.settle()
    async with world.db.read() as session:
        assert await pinned_by_instances(session, "tiny") == []


async def test_fifty_ask_for_three_places(world: World) -> None:
    wishes = [world.verbs.create(world.owner, world.wanted(f"number-{at}")) for at in range(50)]
    answers = await asyncio.gather(*wishes, return_exceptions=True)
    refused = [one for one in answers if isinstance(one, CapacityUnavailable)]
    assert len(answers) - len(refused) == 3
    assert all(one.code == "capacity_unavailable" for one in refused)
    assert len(refused) == 47
    assert (await world.held()).cores == MACHINE.total.cores
    assert len(await world.verbs.list(world.owner.org_id, gone=True)) == 3


async def test_the_memory_of_gpus_is_never_given_twice(world: World) -> None:
    total = Share(8, 8_192, 4, 4 * 24_000)
    async with world.db.transaction() as session:
        await capacity.register(session, "gpus", total, Share(1, 1_024, 1, 24_000), world.now)

    async def wish(at: int) -> None:
        share = Share(1, 512, 1, 30_000)
        await world.verbs.create(world.owner, replace(world.wanted(f"on-a-gpu-{at}"), share=share))

    answers = await asyncio.gather(*(wish(at) for at in range(20)), return_exceptions=True)
    refused = [one for one in answers if isinstance(one, CapacityUnavailable)]
    assert len(answers) - len(refused) == 2, "three GPUs are free, with memory for two"
    assert {one.param for one in refused} == {"vram_mib"}
    async with world.db.read() as session:
        (found,) = [one for one in await capacity.machines(session) if one.node == "gpus"]
    assert found.free == Share(5, 8_192 - 2_048, 1, 12_000)


async def test_what_this_machine_has_not_got_is_named(world: World) -> None:
    for share, named in ((Share(1, 512, 1, 8_000), "gpus"), (Share(9, 512), "cores")):
        with pytest.raises(CapacityUnavailable, match="at most") as refused:
            await world.verbs.create(world.owner, replace(world.wanted(), share=share))
        assert refused.value.param == named
    for share, named in ((Share(1, 512, 0, 8_000), "vram_mib"), (Share(1, 512, 1), "vram_mib")):
        with pytest.raises(InvalidRequest) as wrong:
            await world.verbs.create(world.owner, replace(world.wanted(), share=share))
        assert wrong.value.param == named


async def test_a_command_that_comes_again_is_carried_out_once(world: World) -> None:
    token = Token("again", "create fast")
    wishes = [world.verbs.create(world.owner, world.wanted(), token) for _ in range(20)]
    assert len({made.id for made in await asyncio.gather(*wishes)}) == 1
    with pytest.raises(IdempotencyConflict):
        await world.verbs.create(world.owner, world.wanted("other"), Token("again", "create other"))
    (kept,) = await world.verbs.list(world.owner.org_id)
    stop = Token("stop", "stop")
    await world.settle()
    await world.verbs.stop(world.owner, kept.instance.id, 0, stop)
    await world.settle()
    await world.verbs.start(world.owner, kept.instance.id)
    await world.settle()
    assert (await world.verbs.stop(world.owner, kept.instance.id, 0, stop)).state == "ready"


async def test_a_start_that_fails_frees_its_place_and_costs_nothing(world: World) -> None:
    world.hosts.broken = "not enough memory"
    made = await world.verbs.create(world.owner, world.wanted())
    assert await world.held() == POOL + Share(1, 512)
    await world.settle()
    found = await world.instance(made.id)
    assert (found.state, found.standing.failure) == ("failed", "not enough memory")
    assert await world.held() == POOL
    await world.pass_time(2 * HOUR, step=HOUR)
    assert await charged(world, made.id) == (0, 0)
    assert (await world.verbs.delete(world.owner, made.id)).state == "terminated"
    await books_agree(world)


async def test_a_start_that_takes_too_long_has_failed(world: World) -> None:
    world.control = world.new_control(provision_seconds=0.01)
    world.hosts.hold.clear()
    made = await world.verbs.create(world.owner, world.wanted())
    await world.settle()
    await asyncio.gather(*(task for _, task in world.control._work.values()))
    assert (await world.instance(made.id)).state == "failed"
    assert await world.held() == POOL
    assert await charged(world, made.id) == (0, 0)


async def test_after_a_sudden_end_nothing_is_charged_beyond_the_last_heartbeat(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(1_234)  # the last heartbeat is 4 s ago
    world.now += 5 * MICRO  # and the server dies before the next
    world.hosts.running.clear()
    world.now += 500 * MICRO
    world.control = world.new_control()
    await world.control._begin()
    assert (await world.instance(instance_id)).state == "provisioning"
    await world.settle()
    assert (await world.instance(instance_id)).state == "ready"
    seconds, amount = await charged(world, instance_id)
    assert 1_239 - 10 <= seconds <= 1_239
    assert amount == seconds * PER_HOUR // HOUR
    await world.pass_time(100)
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    assert (await charged(world, instance_id))[0] == seconds + 100
    await books_agree(world)


async def test_a_host_that_dies_is_not_paid_for_until_it_is_back(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(100)
    world.control.down(instance_id, "The engine ended.")
    await world.settle()
    await world.pass_time(50)
    assert (await world.instance(instance_id)).state == "provisioning"
    assert world.hosts.calls == ["provision"]  # it is being started again by who told of it
    world.control.up(instance_id)
    await world.settle()
    await world.pass_time(100)
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    assert (await charged(world, instance_id))[0] == 200


async def test_a_reserved_instance_is_charged_to_its_end_and_then_goes(world: World) -> None:
    instance_id = await ready(world, months=1)
    term = (await world.instance(instance_id)).plan
    assert isinstance(term, Reserved)
    assert term.end - term.start == 31 * DAY
    await world.pass_time(50)
    with pytest.raises(InvalidRequest) as refused:
        await world.verbs.delete(world.owner, instance_id)
    assert refused.value.code == "term_not_over"
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    assert await world.held() == POOL + Share(1, 512), "what is reserved stays so"
    await world.verbs.start(world.owner, instance_id)
    await world.pass_time(term.end - world.now // MICRO - 20, step=DAY)
    assert (await world.instance(instance_id)).state == "ready"
    await world.pass_time(60)
    assert world.hosts.running == {}
    assert await world.held() == POOL
    assert (await world.instance(instance_id)).state == "terminated"
    assert await charged(world, instance_id) == (31 * DAY, 31 * 24 * PER_HOUR)
    await books_agree(world)


async def test_less_than_was_promised_is_given_back(world: World) -> None:
    """1 % of a month's first ten days away: 10 % of what they cost comes back, once."""
    instance_id = await ready(world)
    due = 10 * DAY
    await world.pass_time(due - due // 100, step=DAY)
    world.control.down(instance_id, "The engine ended.")
    await world.settle()
    await world.pass_time(due // 100, step=due // 100)
    world.control.up(instance_id)
    await world.settle()
    await world.verbs.stop(world.owner, instance_id)
    await world.pass_time(30 * DAY, step=DAY)
    async with world.db.read() as session:
        row = await session.scalar(select(InstanceCreditRow))
        balance = await available(session, world.owner.org_id)
    seconds, amount = await charged(world, instance_id)
    assert row is not None
    assert (row.due_seconds, row.ready_seconds) == (due, due - due // 100)
    assert seconds == due - due // 100
    assert row.nano_usd == -(-amount // 10) == balance
    await books_agree(world)


async def test_deleting_drains_charges_and_ends(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(100)
    gone = await world.verbs.delete(world.owner, instance_id, 5)
    assert gone.state == "draining"
    await world.settle()
    assert (await world.instance(instance_id)).state == "terminated"
    assert (await charged(world, instance_id))[0] == 100
    assert await world.verbs.list(world.owner.org_id) == ()
    assert (await world.verbs.delete(world.owner, instance_id)).state == "terminated"
    with pytest.raises(InstanceStateConflict):
        await world.verbs.start(world.owner, instance_id)
    await ready(world)  # the name is free again


async def test_an_archived_projects_instance_stops(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(100)
    await archive_project(world.db, world.owner, world.project_id)
    await world.settle()
    kept = await world.verbs.get(world.owner.org_id, instance_id)
    assert kept.instance.state == "stopped"
    assert {event.cause for event in kept.events[-2:]} == {"project_archived", "runtime"}
    with pytest.raises(InvalidRequest):
        await world.verbs.start(world.owner, instance_id)
    assert (await charged(world, instance_id))[0] == 100


async def test_what_happened_can_not_be_changed_and_is_nobody_elses(world: World) -> None:
    instance_id = await ready(world)
    for table in ("instance_events", "instance_time"):
        await world.pass_time(HOUR, step=HOUR)
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET organization_id = 'x'"):
            with pytest.raises(DBAPIError):
                async with world.db.transaction() as session:
                    await session.execute(text(change))
    with pytest.raises(ObjectNotFound):
        await world.verbs.get(OrgId("org_other"), instance_id)
    async with world.db.read() as session:
        kept = await store.find(session, world.owner.org_id, instance_id)
    assert [event.seq for event in kept.events] == list(range(1, len(kept.events) + 1))


async def test_time_is_charged_once_however_often_it_is_posted(world: World) -> None:
    time = InstanceTime(
        *("inst_1", START, START + 60, world.owner.org_id, world.project_id, "fast"),
        *(1, "launch", PER_HOUR, PER_HOUR // 60),
    )
    numbers = await asyncio.gather(*(world.ledger.post_time(time) for _ in range(20)))
    assert len(set(numbers)) == 1
    overlapping = replace(time, started_at=START + 59, ended_at=START + 70)
    with pytest.raises(InvalidRequest):
        await world.ledger.post_time(overlapping)
    await books_agree(world)


async def test_the_audit_finds_time_that_was_charged_wrongly(world: World) -> None:
    time = InstanceTime(
        *("inst_1", START, START + 60, world.owner.org_id, world.project_id, "fast"),
        *(1, "launch", PER_HOUR, PER_HOUR // 60 + 1),
    )
    await world.ledger.post_time(time)
    found = (await verify(world.db)).divergence
    assert found is not None
    assert (found.table, found.key) == ("instance_time", time.reference)


async def test_a_clock_that_is_set_back_charges_nothing_twice(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(HOUR, step=HOUR)
    world.now -= 1_800 * MICRO
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    kept = await world.verbs.get(world.owner.org_id, instance_id)
    walls = [event.wall for event in kept.events]
    assert walls == sorted(walls)
    assert sum(one.seconds for one in world.verbs.segments(kept)) == HOUR
    assert await charged(world, instance_id) == (HOUR, PER_HOUR)
    await books_agree(world)


async def test_the_audit_finds_time_that_was_altered(world: World) -> None:
    instance_id = await ready(world)
    await world.pass_time(2 * HOUR, step=HOUR)
    await books_agree(world)
    async with world.db.transaction() as session:
        if world.db.kind == "sqlite":
            await session.execute(text("DROP TRIGGER instance_time_refuse_update"))
        else:
            await session.execute(text("ALTER TABLE instance_time DISABLE TRIGGER ALL"))
        await session.execute(text("UPDATE instance_time SET ended_at = ended_at - 1"))
    found = (await verify(world.db)).divergence
    assert found is not None
    assert instance_id in found.key or found.table == "ledger_transactions"
