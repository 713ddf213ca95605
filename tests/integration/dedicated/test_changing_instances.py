"""Instances that are changed, measured and renewed while they run, on a real database."""

import asyncio
from dataclasses import replace

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.dedicated import store
from sayso.dedicated.configuration import Share
from sayso.dedicated.load import PRESETS, LoadChanges
from sayso.dedicated.wishes import Changes
from sayso.errors import (
    CapacityUnavailable,
)
from sayso.ids import InstanceId
from tests.integration.dedicated.lives import HOUR, POOL, books_agree, charged, ready
from tests.integration.dedicated.worlds import MACHINE, MICRO, PER_HOUR, World


async def test_an_update_of_the_gate_is_at_once_and_one_of_the_size_comes_with_a_second_host(
    world: World,
) -> None:
    instance_id = await ready(world)
    await world.pass_time(100)
    gate = Changes(load=LoadChanges("latency", 4, 512, 1, 10))
    assert (await world.verbs.update(world.owner, instance_id, gate)).state == "ready"
    await world.settle()
    assert world.hosts.running[instance_id].load.queue_depth == 1
    await world.pass_time(100)
    world.hosts.hold.clear()
    size = await world.verbs.update(world.owner, instance_id, Changes(cores=2))
    assert (size.state, size.share.cores) == ("updating", 1)
    assert await world.held() == POOL + Share(2, 1_024)
    await world.control.look()
    await world.pass_time(40)
    world.hosts.hold.set()
    await world.settle()
    now = await world.instance(instance_id)
    assert (now.state, now.share, now.config_version) == ("ready", Share(2, 512), 3)
    assert await world.held() == POOL + Share(2, 512)
    await world.pass_time(60)
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    seconds, amount = await charged(world, instance_id)
    assert (seconds, amount) == (300, (240 + 2 * 60) * PER_HOUR // HOUR)
    await books_agree(world)


async def test_of_two_updates_at_once_neither_undoes_the_other(world: World) -> None:
    instance_id = await ready(world)
    for turn in range(10):
        gate = Changes(load=LoadChanges(max_concurrency=1 + turn))
        queue = Changes(load=LoadChanges(queue_depth=100 + turn, overflow="spill"))
        both = (world.verbs.update(world.owner, instance_id, wanted) for wanted in (gate, queue))
        await asyncio.gather(*both)
        load = (await world.instance(instance_id)).load
        assert (load.max_concurrency, load.queue_depth, load.overflow) == (1 + turn, 100 + turn, "spill")
    preset = Changes(load=LoadChanges("balanced", max_wait_ms=7))
    await world.verbs.update(world.owner, instance_id, preset)
    assert (await world.instance(instance_id)).load == replace(PRESETS["balanced"], max_wait_ms=7)
    await world.verbs.stop(world.owner, instance_id, 0)
    await world.settle()
    sizes = (Changes(cores=2), Changes(memory_mib=600), Changes(load=LoadChanges(max_batch_tokens=64)))
    await asyncio.gather(*(world.verbs.update(world.owner, instance_id, wanted) for wanted in sizes))
    now = await world.instance(instance_id)
    assert (now.share, now.load.max_batch_tokens) == (Share(2, 600), 64)


async def test_a_gate_that_opens_beyond_the_room_behind_it_comes_with_another_host(world: World) -> None:
    world.hosts.places = 10
    instance_id = await ready(world)
    wider = Changes(load=LoadChanges(max_concurrency=10))
    assert (await world.verbs.update(world.owner, instance_id, wider)).state == "ready"
    await world.settle()
    world.hosts.places = 12
    beyond = Changes(load=LoadChanges(max_concurrency=12))
    assert (await world.verbs.update(world.owner, instance_id, beyond)).state == "updating"
    await world.settle()
    now = await world.instance(instance_id)
    assert (now.state, now.load.max_concurrency, now.standing.places) == ("ready", 12, 12)


@pytest.mark.parametrize("during", ["provisioning", "updating"])
async def test_a_look_that_is_older_than_what_has_come_up_starts_nothing_again(
    world: World, monkeypatch: pytest.MonkeyPatch, during: str
) -> None:
    made = await world.verbs.create(world.owner, world.wanted())
    if during == "updating":
        await world.settle()
        await world.verbs.update(world.owner, made.id, Changes(cores=2))
    else:
        await world.control.look()
    async with world.db.read() as session:
        old = await store.living_on(session, MACHINE.node)
    assert old[0].instance.state == during
    await world.settle()
    assert (await world.instance(made.id)).state == "ready"
    calls = list(world.hosts.calls)
    for kept in old:
        await world.control._keep(kept)
    await world.settle()
    assert world.hosts.calls == calls


async def test_an_idle_instance_forgets_by_another_host_and_is_never_away(world: World) -> None:
    world.control = world.new_control(forget_idle_seconds=600)
    instance_id = await ready(world)
    await world.pass_time(100, step=10)
    world.hosts.idle_seconds = 599.0
    await world.settle()
    assert world.hosts.calls == ["provision"]
    world.hosts.idle_seconds = 600.0
    await world.settle()
    now = await world.verbs.get(world.owner.org_id, instance_id)
    assert world.hosts.calls == ["provision", "update"]
    assert [(event.cause, type(event.change).__name__) for event in now.events[-2:]] == [
        ("idle", "UpdateAccepted"),
        ("runtime", "BecameReady"),
    ]
    await world.pass_time(100, step=10)
    assert world.hosts.calls == ["provision", "update"]
    await world.verbs.stop(world.owner, instance_id, 0)
    await world.settle()
    assert await charged(world, instance_id) == (200, 200 * PER_HOUR // HOUR)
    await books_agree(world)


async def test_an_idle_instance_stays_where_there_is_no_memory_for_two(world: World) -> None:
    world.control = world.new_control(forget_idle_seconds=600)
    share = Share(1, 4_000)
    made = await world.verbs.create(world.owner, replace(world.wanted(), share=share))
    await world.settle()
    world.hosts.idle_seconds = 600.0
    await world.settle()
    assert (await world.instance(made.id)).state == "ready"
    assert world.hosts.calls == ["provision"]


async def open_gate(world: World, instance_id: InstanceId, concurrency: int, seconds: float) -> None:
    async with world.db.transaction() as session:
        until = world.now + round(seconds * MICRO)
        await store.open_gate(session, world.owner.org_id, instance_id, concurrency, until)


async def test_a_gate_that_is_opened_for_a_while_closes_by_itself(world: World) -> None:
    instance_id = await ready(world)

    async def standing() -> tuple[int, int, int]:
        kept = await world.verbs.get(world.owner.org_id, instance_id)
        return world.hosts.running[instance_id].load.max_concurrency, kept.opened, len(kept.events)

    _, _, events = await standing()
    await open_gate(world, instance_id, 100, 30)
    await world.settle()
    assert await standing() == (16, 16, events), (
        "as far as the engine was started for, and nothing has happened"
    )
    await world.pass_time(20, step=1)
    await open_gate(world, instance_id, 100, 30)
    await world.pass_time(29, step=1)
    assert (await standing())[:2] == (16, 16)
    await world.pass_time(1, step=1)
    assert await standing() == (8, 0, events)
    await open_gate(world, instance_id, 100, 30)
    await world.settle()
    await open_gate(world, instance_id, 0, 0)
    await world.settle()
    assert await standing() == (8, 0, events)
    await open_gate(world, instance_id, 4, 30)
    await world.settle()
    assert await standing() == (8, 0, events), "it is never less than the load says"


async def test_a_look_reads_the_instances_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    instance_id = await ready(world)
    reads = 0
    whole = store.living_on

    async def counted(session: AsyncSession, node: str) -> list[store.Kept]:
        nonlocal reads
        reads += 1
        return await whole(session, node)

    monkeypatch.setattr(store, "living_on", counted)
    world.now += 11 * MICRO  # a heartbeat is due
    world.control.down(instance_id, "The engine ended.")
    world.control.up(instance_id)
    await world.control.look()
    assert reads == 1
    kept = await world.verbs.get(world.owner.org_id, instance_id)
    assert (kept.instance.state, kept.seen_at) == ("ready", world.now)


async def test_an_update_that_does_not_come_up_leaves_what_was(world: World) -> None:
    instance_id = await ready(world)
    world.hosts.broken = "too big"
    await world.verbs.update(world.owner, instance_id, Changes(cores=3))
    await world.settle()
    now = await world.instance(instance_id)
    assert (now.state, now.share.cores, now.standing.failure) == ("ready", 1, "too big")
    assert await world.held() == POOL + Share(1, 512)
    with pytest.raises(CapacityUnavailable):
        await world.verbs.update(world.owner, instance_id, Changes(cores=4))
