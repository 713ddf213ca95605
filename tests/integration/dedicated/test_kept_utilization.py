"""How busy instances were is kept by the minute, whichever servers see it."""

from sqlalchemy import func, select

from sayso.dedicated.control import FORGET_SECONDS, HEARTBEAT_SECONDS
from sayso.dedicated.instance import Instance
from sayso.dedicated.tables import UtilizationRow
from sayso.dedicated.utilization import KEPT_SECONDS, Use, add_uses
from tests.integration.dedicated.worlds import MICRO, START, World

MINUTE = 60


async def ready(world: World) -> Instance:
    made = await world.verbs.create(world.owner, world.wanted())
    await world.settle()
    return made


async def pass_by(world: World, seconds: int, busy: float) -> None:
    """Let time pass, during which requests take so much of it together."""
    for _ in range(seconds // HEARTBEAT_SECONDS):
        world.now += HEARTBEAT_SECONDS * MICRO
        world.hosts.busy_seconds += busy * HEARTBEAT_SECONDS / seconds
        await world.control.look()


async def test_a_minute_is_a_row_whatever_happens_in_it(world: World) -> None:
    made = await ready(world)
    width = made.load.max_concurrency
    await world.control.look()
    await pass_by(world, 2 * MINUTE, 60.0)
    await pass_by(world, MINUTE, 0.0)
    found = await world.verbs.utilization(world.owner.org_id, made.id, 1)
    assert [use.minute for use in found] == [START, START + 60, START + 120]
    assert [use.busy_ms for use in found] == [25_000, 30_000, 0]  # from the first look on
    assert [use.open_ms for use in found] == [width * seconds * 1_000 for seconds in (50, 60, 60)]
    both = await world.verbs.utilization(world.owner.org_id, made.id, 1, minutes=60)
    assert both == (Use(START // 3_600 * 3_600, 55_000, width * 170_000),)


async def test_it_goes_on_after_a_restart(world: World) -> None:
    made = await ready(world)
    await world.control.look()
    await pass_by(world, MINUTE, 30.0)
    world.hosts.running.clear()
    world.hosts.busy_seconds = 0.0
    world.control = world.new_control()
    await world.control._begin()
    await world.settle()
    await pass_by(world, MINUTE, 12.0)
    found = await world.verbs.utilization(world.owner.org_id, made.id, 1)
    assert found[0].busy_ms == 25_000
    assert sum(use.busy_ms for use in found[1:]) in range(9_900, 12_001)  # all but the first look's


async def test_what_several_servers_see_is_added_and_old_minutes_go(world: World) -> None:
    made = await ready(world)
    mine, old = Use(START, 1_000, 60_000), Use(START - KEPT_SECONDS - 60, 1, 1)
    for use in (mine, mine, old):
        async with world.db.transaction() as session:
            await add_uses(session, [(made.id, use)])
    async with world.db.read() as session:
        assert await session.scalar(select(func.count()).select_from(UtilizationRow)) == 2
    world.now += FORGET_SECONDS * MICRO
    await world.control.look()
    async with world.db.read() as session:
        assert list(await session.scalars(select(UtilizationRow.minute))) == [START]
    found = await world.verbs.utilization(world.owner.org_id, made.id, 48)
    assert found == (Use(START, 2_000, 120_000),)
