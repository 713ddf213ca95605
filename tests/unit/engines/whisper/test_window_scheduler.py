import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import aclosing

import pytest

from sayso.engines.whisper.hearing import Decoded, Hearing
from sayso.engines.whisper.jobs import Job, Step, choose, due
from sayso.engines.whisper.scheduler import WindowScheduler
from sayso.errors import EngineFailed, EngineOverloaded, EngineUnavailable


class Count:
    """Work of `windows` steps that writes its name down at every step; a gate can hold each step."""

    def __init__(
        self,
        name: str,
        windows: int,
        log: list[str],
        gate: threading.Semaphore | None = None,
        fail: bool = False,
    ) -> None:
        self.name, self.remaining, self.log, self.gate, self.fail = name, windows, log, gate, fail
        self.entered = threading.Event()
        self.is_short = windows == 1
        self.events: list[str] = []

    @property
    def can_step(self) -> bool:
        return self.remaining > 0

    def written(self, hearing: Hearing, decoded: Decoded) -> Sequence[Hearing]:
        return ()

    def collect(self) -> Sequence[str]:
        events, self.events = self.events, []
        return events

    def step(self) -> Sequence[Hearing]:
        self.entered.set()
        if self.gate:
            assert self.gate.acquire(timeout=10)
        if self.fail:
            raise RuntimeError("broken weights")
        self.log.append(self.name)
        self.remaining -= 1
        self.events.append(f"{self.name}{self.remaining}")
        return ()


def nothing(hearings: Sequence[Hearing]) -> Sequence[Decoded]:
    raise AssertionError("nobody asked for words")


def chosen_of(jobs: Sequence[Job[str]], max_started: int) -> Job[str] | None:
    turn = choose(jobs, max_started)
    return turn.job if isinstance(turn, Step) else None


@pytest.fixture
def scheduler() -> Iterator[WindowScheduler]:
    made = WindowScheduler(max_started=4, max_waiting=2, write_down=nothing)
    yield made
    made.close()


async def run(scheduler: WindowScheduler, steps: Count) -> list[str]:
    return [event async for event in scheduler.stream(steps)]


async def entered(steps: Count) -> None:
    assert await asyncio.to_thread(steps.entered.wait, 10)


def job(windows: int, ready_at: float, *, started: bool = False) -> Job[str]:
    made: Job[str] = Job(Count("", windows, []), ready_at, loop=asyncio.new_event_loop())
    made.loop.close()
    made.started = started
    return made


async def test_events_come_in_order(scheduler: WindowScheduler) -> None:
    assert await run(scheduler, Count("a", 3, [])) == ["a2", "a1", "a0"]


async def test_a_short_job_is_not_stuck_behind_a_long_one(scheduler: WindowScheduler) -> None:
    log: list[str] = []
    gate = threading.Semaphore(0)
    long = Count("L", 20, log, gate)
    first = asyncio.create_task(run(scheduler, long))
    await entered(long)
    assert await run(scheduler, Count("s", 1, log)) == ["s0"]
    assert log == ["s"]
    gate.release(20)
    await first


def test_what_has_least_left_is_due_first_but_nobody_starves() -> None:
    assert due(0, 1) < due(0, 2) < due(0, 10)
    assert due(0, 10_000) == due(0, 100)
    long = job(240, ready_at=0, started=True)
    assert chosen_of([long, job(1, ready_at=5.9)], 4) is not long
    assert chosen_of([long, job(1, ready_at=6.1)], 4) is long


def test_only_so_many_are_under_way() -> None:
    running = job(50, ready_at=0, started=True)
    waiting = job(3, ready_at=0)
    assert chosen_of([running, waiting], 1) is running
    assert chosen_of([running, waiting], 2) is waiting
    assert chosen_of([], 1) is None


async def test_a_closed_stream_stops_before_its_next_window(scheduler: WindowScheduler) -> None:
    log: list[str] = []
    gate = threading.Semaphore(1)
    async with aclosing(scheduler.stream(Count("a", 50, log, gate))) as events:
        assert await anext(events) == "a49"
    gate.release(1)
    await run(scheduler, Count("b", 1, log))
    gate.release(60)
    await run(scheduler, Count("c", 1, log))
    assert log.count("a") <= 2


async def test_a_job_that_waits_and_is_closed_never_starts(scheduler: WindowScheduler) -> None:
    log: list[str] = []
    gate = threading.Semaphore(0)
    busy = Count("L", 1, log, gate)
    first = asyncio.create_task(run(scheduler, busy))
    await entered(busy)
    waiting = Count("w", 1, log)
    second = asyncio.create_task(run(scheduler, waiting))
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    gate.release()
    await first
    await run(scheduler, Count("z", 1, log))
    assert log == ["L", "z"]


async def test_the_queue_is_bounded_and_frees_up(scheduler: WindowScheduler) -> None:
    gate = threading.Semaphore(0)
    jobs = [Count(str(i), 1, [], gate) for i in range(6)]
    tasks = [asyncio.create_task(run(scheduler, steps)) for steps in jobs]
    await asyncio.sleep(0)
    with pytest.raises(EngineOverloaded) as refused:
        await anext(scheduler.stream(Count("x", 1, [])))
    assert refused.value.retry_after >= 1
    gate.release(6)
    await asyncio.gather(*tasks)
    assert await run(scheduler, Count("y", 1, [])) == ["y0"]


async def test_what_breaks_fails_alone(scheduler: WindowScheduler, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = await asyncio.gather(
        run(scheduler, Count("g", 5, [])),
        run(scheduler, Count("b", 5, [], fail=True)),
        return_exceptions=True,
    )
    assert good == ["g4", "g3", "g2", "g1", "g0"]
    assert isinstance(bad, EngineFailed)
    assert "broken" not in bad.message
    assert "a window failed" in caplog.text


async def test_closing_fails_what_waits_and_refuses_what_comes() -> None:
    scheduler = WindowScheduler(max_started=1, max_waiting=1, write_down=nothing)
    gate = threading.Semaphore(0)
    busy = Count("L", 5, [], gate)
    first = asyncio.create_task(run(scheduler, busy))
    await entered(busy)
    closing = asyncio.create_task(asyncio.to_thread(scheduler.close))
    with pytest.raises(EngineUnavailable):
        await first
    gate.release(1)
    await closing
    with pytest.raises(EngineUnavailable):
        await anext(scheduler.stream(Count("x", 1, [])))
    assert busy.remaining == 4


def test_a_flood_of_short_jobs_leaves_turns_to_a_long_one() -> None:
    now = 0.0
    jobs = [job(100, ready_at=0.0, started=True)]
    turns = 0
    for _ in range(200):
        jobs.append(job(1, ready_at=now))
        chosen = chosen_of(jobs, 1000)
        assert chosen is not None
        now += 1.0
        chosen.ready_at = now
        if chosen is jobs[0]:
            turns += 1
        else:
            jobs.remove(chosen)
    assert 10 <= turns <= 100


def test_a_caller_whose_loop_has_ended_hurts_nobody(scheduler: WindowScheduler) -> None:
    gate = threading.Semaphore(0)
    left = Count("a", 2, [], gate)

    async def leave() -> None:
        task = asyncio.create_task(run(scheduler, left))
        await entered(left)
        task.cancel()

    asyncio.run(leave())
    gate.release(2)
    assert asyncio.run(run(scheduler, Count("b", 1, []))) == ["b0"]
