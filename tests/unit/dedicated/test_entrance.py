"""Waiting at an instance's gate, on the real clock of an event loop."""

import asyncio
import time
from dataclasses import replace

import pytest

from sayso.dedicated.entrance import Entrance
from sayso.dedicated.forecast import Size
from sayso.dedicated.load import LoadSettings
from sayso.errors import EngineUnavailable, InstanceOverloaded

ONE = Size(10, 10)
QUEUE = LoadSettings(1, 512, 8, 60_000, "queue")


class Visit:
    """A request that goes in and stays until it is told to go."""

    def __init__(self, entrance: Entrance, size: Size = ONE) -> None:
        self.inside = asyncio.Event()
        self._go = asyncio.Event()
        self.task = asyncio.create_task(self._visit(entrance, size))

    async def go(self) -> None:
        """Leave."""
        self._go.set()
        await self.task

    async def _visit(self, entrance: Entrance, size: Size) -> None:
        async with entrance.enter(size) as seat:
            self.inside.set()
            await self._go.wait()
            seat.end()


async def turn() -> None:
    """Let everything that can go on do so."""
    for _ in range(5):
        await asyncio.sleep(0)


async def test_first_come_first_served() -> None:
    entrance = Entrance(QUEUE)
    visits = [Visit(entrance) for _ in range(4)]
    await turn()
    for visit in visits:
        assert visit.inside.is_set()
        assert (entrance.running, entrance.waiting) == (1, sum(not v.inside.is_set() for v in visits))
        await visit.go()
        await turn()
    assert (entrance.running, entrance.waiting) == (0, 0)


async def test_a_refusal_takes_no_time_and_says_when_to_come_back() -> None:
    entrance = Entrance(replace(QUEUE, overflow="reject"))
    visit = Visit(entrance)
    await visit.inside.wait()
    entering = entrance.enter(ONE).__aenter__()
    with pytest.raises(InstanceOverloaded) as refusal:
        entering.send(None)  # it waits for nothing
    assert refusal.value.retry_after > 0
    assert refusal.value.code == "instance_overloaded"
    await visit.go()


async def test_nobody_waits_longer_than_the_longest_wait() -> None:
    entrance = Entrance(replace(QUEUE, max_wait_ms=300))
    visit = Visit(entrance)
    await visit.inside.wait()
    begun = time.monotonic()
    with pytest.raises(InstanceOverloaded):
        async with entrance.enter(ONE):
            pass
    assert 0.3 <= time.monotonic() - begun < 1.0
    assert entrance.waiting == 0
    await visit.go()


async def test_who_stops_waiting_leaves_nothing_behind() -> None:
    entrance = Entrance(QUEUE, room=100)
    first, second, third = (Visit(entrance) for _ in range(3))
    await turn()
    second.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second.task
    assert entrance.waiting == 1
    await first.go()
    await third.inside.wait()
    assert not second.inside.is_set()
    await third.go()
    assert (entrance.running, entrance.waiting, entrance.gate.units) == (0, 0, 0)
    assert entrance._timer is None


async def test_who_is_cancelled_in_the_moment_of_being_let_in_gives_the_slot_on() -> None:
    entrance = Entrance(QUEUE)
    first, second, third = (Visit(entrance) for _ in range(3))
    await turn()
    first._go.set()
    await asyncio.sleep(0)  # the first leaves: the second has its slot and does not know it yet
    second.task.cancel()
    await asyncio.wait((first.task, second.task))
    async with asyncio.timeout(1):
        await third.inside.wait()
    await third.go()
    assert entrance.running == 0


async def test_a_change_of_load_is_there_at_once_and_fails_nobody() -> None:
    entrance = Entrance(QUEUE)
    visits = [Visit(entrance) for _ in range(6)]
    await turn()
    assert (entrance.running, entrance.waiting) == (1, 5)
    entrance.change(replace(QUEUE, max_concurrency=4))
    await turn()
    assert (entrance.running, entrance.waiting) == (4, 2)
    entrance.change(replace(QUEUE, max_concurrency=2, queue_depth=0, max_wait_ms=1, overflow="reject"))
    await turn()
    assert (entrance.running, entrance.waiting) == (4, 2)
    for visit in visits:
        async with asyncio.timeout(1):
            await visit.inside.wait()
        await visit.go()


async def test_a_longer_wait_is_for_those_too_who_wait_already() -> None:
    entrance = Entrance(replace(QUEUE, max_wait_ms=200))
    first, second = Visit(entrance), Visit(entrance)
    await turn()
    entrance.change(QUEUE)
    done, _ = await asyncio.wait((second.task,), timeout=0.4)
    assert not done
    await first.go()
    await second.inside.wait()
    await second.go()


async def test_a_gate_that_closes_tells_those_who_wait_and_lets_those_inside_end() -> None:
    entrance = Entrance(QUEUE)
    first, second = Visit(entrance), Visit(entrance)
    await turn()
    entrance.close()
    with pytest.raises(EngineUnavailable):
        await second.task
    with pytest.raises(EngineUnavailable):
        async with entrance.enter(ONE):
            pass
    await first.go()
    assert entrance.running == 0


async def test_it_is_crowded_while_somebody_waits_and_for_a_while_after_it() -> None:
    now = 100.0
    entrance = Entrance(QUEUE, clock=lambda: now)
    first = Visit(entrance)
    await first.inside.wait()
    assert not entrance.crowded(1.0), "it takes what it is asked"
    second = Visit(entrance)
    await turn()
    now += 30.0
    assert entrance.crowded(1.0)
    await first.go()
    await second.inside.wait()
    assert not entrance.crowded(1.0)
    await second.go()


async def test_it_is_crowded_where_somebody_was_refused() -> None:
    now = 100.0
    entrance = Entrance(replace(QUEUE, overflow="reject"), clock=lambda: now)
    visit = Visit(entrance)
    await visit.inside.wait()
    with pytest.raises(InstanceOverloaded):
        async with entrance.enter(ONE):
            pass
    now += 0.9
    assert entrance.crowded(1.0)
    now += 0.2
    assert not entrance.crowded(1.0)
    await visit.go()
