"""One thread that owns the model, and the order in which jobs get its next window."""

import asyncio
import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from sayso.errors import EngineError, EngineFailed, EngineOverloaded, EngineUnavailable

logger = logging.getLogger(__name__)

E_co = TypeVar("E_co", covariant=True)
E = TypeVar("E")

SLACK_SECONDS = 0.5  # how much longer a job may wait for each window that it still has before it
SLACK_WINDOWS = 12  # windows that count, so that the longest job waits 6 s at most for its turn


class Steps(Protocol[E_co]):
    """Work that is done a window at a time."""

    @property
    def remaining(self) -> int:
        """Windows that are left, 0 once the work is done."""
        ...

    def step(self) -> Sequence[E_co]:
        """Do the next window and return what came of it."""
        ...


@dataclass(frozen=True, slots=True)
class _Done:
    """The last thing in a job's outbox: the end, or what broke it."""

    error: BaseException | None = None


@dataclass(slots=True, eq=False)
class Job(Generic[E]):
    """A job's place in the order: `ready_at` is when it came or last had its turn, in monotonic seconds."""

    steps: Steps[E]
    ready_at: float
    started: bool = False
    outbox: "asyncio.Queue[E | _Done]" = field(default_factory=asyncio.Queue)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)


def due(ready_at: float, remaining: int) -> float:
    """Return the time by which a job should have its next window, in the clock of `ready_at`.

    The less is left the sooner it is due; a job that was passed over keeps its time, so that newcomers
    fall behind it in the end, however short they are.
    """
    return ready_at + SLACK_SECONDS * min(max(remaining - 1, 0), SLACK_WINDOWS)


def choose(jobs: Sequence[Job[E]], max_started: int) -> Job[E] | None:
    """Return the job that is due first; one not begun counts only while fewer than `max_started` are."""
    started = sum(job.started for job in jobs)
    eligible = (job for job in jobs if job.started or started < max_started)
    return min(eligible, key=lambda job: due(job.ready_at, job.steps.remaining), default=None)


class WindowScheduler:
    """Runs jobs of many windows on one thread, a window of the most urgent one at a time.

    At most `max_started` jobs are under way and `max_waiting` wait.
    """

    def __init__(self, *, max_started: int, max_waiting: int) -> None:
        self._max_started = max_started
        self._capacity = max_started + max_waiting
        self._jobs: list[Job[object]] = []
        self._changed = threading.Condition()
        self._closed = False
        self._step_seconds = 1.0  # smoothed
        self._thread = threading.Thread(target=self._work, name="whisper", daemon=True)
        self._thread.start()

    async def stream(self, steps: Steps[E]) -> AsyncGenerator[E, None]:
        """Yield what the steps bring, in order; closing the stream takes the job out before its next step.

        Raises `EngineOverloaded` at once when the queue is full, `EngineUnavailable` once closed,
        `EngineFailed` when a step breaks.
        """
        job: Job[E] = Job(steps, time.monotonic())
        self._admit(job)
        try:
            while True:
                item = await job.outbox.get()
                if isinstance(item, _Done):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            self._withdraw(job)

    def close(self) -> None:
        """Fail what waits, let the window under way end, and stop the thread."""
        with self._changed:
            self._closed = True
            for job in self._jobs:
                _put(job, _Done(EngineUnavailable("The speech engine is shutting down.")))
            self._jobs.clear()
            self._changed.notify()
        self._thread.join()

    def _admit(self, job: Job[E]) -> None:
        with self._changed:
            if self._closed:
                raise EngineUnavailable("The speech engine is shutting down.")
            if len(self._jobs) >= self._capacity:
                windows = min(entry.steps.remaining for entry in self._jobs)
                wait = min(max(1.0, windows * self._step_seconds), 60.0)
                raise EngineOverloaded("The speech engine's queue is full.", retry_after=wait)
            self._jobs.append(job)  # type: ignore[arg-type]
            self._changed.notify()

    def _withdraw(self, job: Job[E]) -> None:
        with self._changed:
            self._jobs = [entry for entry in self._jobs if entry is not job]

    def _work(self) -> None:
        while (job := self._next()) is not None:
            begun = time.monotonic()
            self._advance(job)
            job.ready_at = time.monotonic()
            self._step_seconds += 0.1 * (job.ready_at - begun - self._step_seconds)

    def _next(self) -> Job[object] | None:
        with self._changed:
            while True:
                if self._closed:
                    return None
                if (job := choose(self._jobs, self._max_started)) is not None:
                    job.started = True
                    return job
                self._changed.wait()

    def _advance(self, job: Job[object]) -> None:
        """Do one window of a job. What breaks it ends that job and no other."""
        try:
            events = job.steps.step()
            done = _Done() if not job.steps.remaining else None
        except EngineError as error:
            events, done = (), _Done(error)
        except Exception as error:
            logger.exception("a window failed in the speech engine")
            failure = EngineFailed("The speech engine failed on this audio.")
            failure.__cause__ = error
            events, done = (), _Done(failure)
        for event in events:
            _put(job, event)
        if done is not None:
            self._withdraw(job)
            _put(job, done)


def _put(job: Job[E], item: "E | _Done") -> None:
    # The caller's loop may have ended while the window was under way; then nobody listens any more.
    with contextlib.suppress(RuntimeError):
        job.loop.call_soon_threadsafe(job.outbox.put_nowait, item)
