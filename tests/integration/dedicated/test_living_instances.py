"""The machine's instances are read again when they may have changed, and not when they have not."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event

from sayso.db.revisions import Revisions
from sayso.db.session import Database
from sayso.dedicated.control import ROUND_SECONDS
from sayso.dedicated.living import Living
from sayso.tenancy.projects import archive_project
from tests.integration.dedicated.lives import HOUR, charged, ready
from tests.integration.dedicated.worlds import MACHINE, MICRO, PER_HOUR, World


class Numbers(Revisions):
    """A number of instances that a test turns."""

    def __init__(self) -> None:
        self.number: int | None = 1
        self.told: list[Callable[[], None]] = []

    def seen(self, group: str) -> int | None:
        assert group == "instances"
        return self.number

    def listen(self, group: str, told: Callable[[], None]) -> None:
        assert group == "instances"
        self.told.append(told)

    def look_soon(self) -> None:
        """The test turns it."""

    async def close(self) -> None:
        """Nothing was started."""


@pytest.fixture
def numbers(world: World, monkeypatch: pytest.MonkeyPatch) -> Numbers:
    """The revisions of the world's database."""
    made = Numbers()
    monkeypatch.setattr(world.db, "revisions", made)
    return made


def reads_of(db: Database) -> list[str]:
    """Return the list that every statement of a reader is added to from now on."""
    statements: list[str] = []

    def before(_: Any, __: Any, statement: str, *___: Any) -> None:
        statements.append(statement)

    event.listen(db._reader.sync_engine, "before_cursor_execute", before)
    return statements


async def test_what_has_not_changed_is_not_read_again(world: World, numbers: Numbers) -> None:
    await ready(world)
    await world.control.look()
    statements = reads_of(world.db)
    for _ in range(3):
        world.now += 11 * MICRO  # each with a heartbeat
        await world.control.look()
    assert statements == []
    numbers.number = 2
    await world.control.look()
    assert statements


async def test_what_can_not_be_told_is_read(world: World, numbers: Numbers) -> None:
    await ready(world)
    numbers.number = None
    await world.control.look()
    statements = reads_of(world.db)
    await world.control.look()
    assert statements


async def test_what_is_written_here_is_seen_before_the_numbers_move(world: World, numbers: Numbers) -> None:
    instance_id = await ready(world)
    await world.verbs.stop(world.owner, instance_id)
    await world.settle()
    assert (await world.instance(instance_id)).state == "stopped"
    assert world.hosts.running == {}


async def test_what_is_written_while_others_are_read_is_read_next(world: World, numbers: Numbers) -> None:
    await ready(world)
    living = Living(world.db, MACHINE.node)
    looking = asyncio.ensure_future(living.look())
    await asyncio.sleep(0)  # until it reads
    living.forget()
    await looking
    statements = reads_of(world.db)
    await living.look()
    assert statements


async def test_hours_are_charged_once_though_nothing_is_read(world: World, numbers: Numbers) -> None:
    instance_id = await ready(world)
    await world.control.look()
    charges, posted = world.control._charges, []
    post = charges._ledger.post_time

    async def post_time(time: Any) -> int:
        posted.append(time.started_at)
        return await post(time)

    charges._ledger.post_time = post_time  # type: ignore[method-assign]
    statements = reads_of(world.db)
    for _ in range(3 * HOUR // 60 + 1):
        world.now += 60 * MICRO
        await world.control.look()
    assert statements == []
    assert len(posted) == len(set(posted)) == 3
    assert await charged(world, instance_id) == (3 * HOUR, 3 * PER_HOUR)


async def test_a_server_looks_at_once_when_the_number_moves(world: World, numbers: Numbers) -> None:
    instance_id = await ready(world)
    control = world.control
    control.start()
    await world.verbs.stop(world.owner, instance_id)
    (tell,) = numbers.told
    tell()
    async with asyncio.timeout(ROUND_SECONDS / 2):
        while world.hosts.running:  # noqa: ASYNC110 - hosts tell nobody of their end
            await asyncio.sleep(0)


async def test_an_archived_project_moves_the_number_and_ends_its_instance(world: World) -> None:
    told = asyncio.Event()
    world.db.revisions.listen("instances", told.set)
    world.db.revisions.start()
    instance_id = await ready(world)
    await world.control.look()
    await archive_project(world.db, world.owner, world.project_id)
    async with asyncio.timeout(5):
        while (await world.instance(instance_id)).state == "ready":
            await told.wait()
            told.clear()
            await world.control.look()
    assert (await world.instance(instance_id)).state == "draining"
