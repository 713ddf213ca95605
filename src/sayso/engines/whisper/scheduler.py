"""The threads that call the model, and the order in which jobs get their turns."""

import contextlib
import logging
import threading
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from functools import partial
from typing import TypeAlias

from sayso.engines.whisper.hearing import Decoded, Hearing
from sayso.engines.whisper.jobs import Done, E, Job, Step, Steps, Turn, Write, choose, is_short
from sayso.errors import EngineError, EngineFailed, EngineOverloaded, EngineUnavailable

logger = logging.getLogger(__name__)

BROKEN = "a window failed in the speech engine"

WriteDown: TypeAlias = Callable[[Sequence[Hearing]], Sequence[Decoded]]


class WindowScheduler:
    """Runs jobs of many windows, the most urgent first, `threads` turns at once.

    One more turn is taken where a long job holds a thread and a short one waits: the operating system shares
    the processors among them, and the short one is done in not much more than the time that it takes alone.
    At most `max_started` jobs are under way and `max_waiting` wait.
    """

    def __init__(
        self, *, max_started: int, max_waiting: int, write_down: WriteDown, threads: int = 1
    ) -> None:
        self._max_started = max_started
        self._capacity = max_started + max_waiting
        self._write_down = write_down
        self._threads = threads
        self._jobs: list[Job[object]] = []
        self._running: list[Turn] = []
        self._changed = threading.Condition()
        self._closed = False
        self._turn_seconds = 1.0  # smoothed
        self._pool = [
            threading.Thread(target=self._work, name=f"whisper-{number}", daemon=True)
            for number in range(threads + 1)
        ]
        for thread in self._pool:
            thread.start()

    async def stream(self, steps: Steps[E]) -> AsyncGenerator[E, None]:
        """Yield what the steps bring, in order; closing the stream takes the job out before its next turn.

        Raises `EngineOverloaded` at once when the queue is full, `EngineUnavailable` once closed,
        `EngineFailed` when a step breaks.
        """
        job: Job[E] = Job(steps, time.monotonic())
        self._admit(job)
        try:
            while True:
                item = await job.outbox.get()
                if isinstance(item, Done):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            self._withdraw(job)

    def close(self) -> None:
        """Fail what waits, let the turns under way end, and stop the threads."""
        with self._changed:
            self._closed = True
            for job in self._jobs:
                _put(job, Done(EngineUnavailable("The speech engine is shutting down.")))
            self._jobs.clear()
            self._changed.notify_all()
        for thread in self._pool:
            thread.join()

    def check_room(self) -> None:
        """Raise `EngineOverloaded` where the queue is full now."""
        with self._changed:
            self._refuse_beyond_capacity()

    def _refuse_beyond_capacity(self) -> None:
        if len(self._jobs) >= self._capacity:
            windows = min(entry.steps.remaining for entry in self._jobs)
            wait = min(max(1.0, windows * self._turn_seconds), 60.0)
            raise EngineOverloaded("The speech engine's queue is full.", retry_after=wait)

    def _admit(self, job: Job[E]) -> None:
        with self._changed:
            if self._closed:
                raise EngineUnavailable("The speech engine is shutting down.")
            self._refuse_beyond_capacity()
            self._jobs.append(job)  # type: ignore[arg-type]
            self._changed.notify_all()

    def _withdraw(self, job: Job[E]) -> None:
        with self._changed:
            self._jobs = [entry for entry in self._jobs if entry is not job]
            self._changed.notify_all()

    def _work(self) -> None:
        while (turn := self._next()) is not None:
            begun = time.monotonic()
            try:
                self._take(turn)
            finally:
                with self._changed:
                    self._running.remove(turn)
                    self._turn_seconds += 0.1 * (time.monotonic() - begun - self._turn_seconds)
                    self._changed.notify_all()

    def _next(self) -> Turn | None:
        with self._changed:
            while not self._closed:
                if (turn := self._choose()) is not None:
                    self._claim(turn)
                    return turn
                self._changed.wait()
            return None

    def _choose(self) -> Turn | None:
        free = self._threads - len(self._running)
        if free > 0:
            return choose(self._jobs, self._max_started)
        if free == 0 and not all(is_short(turn) for turn in self._running):
            return choose(self._jobs, self._max_started, only_short=True)
        return None

    def _claim(self, turn: Turn) -> None:
        self._running.append(turn)
        match turn:
            case Step(job):
                job.started = job.stepping = True
            case Write(windows):
                for job, hearing in windows:
                    job.heard.remove(hearing)

    def _take(self, turn: Turn) -> None:
        match turn:
            case Step(job):
                self._settle(job, job.steps.step, stepped=True)
            case Write(windows):
                self._write(windows)

    def _write(self, windows: Sequence[tuple[Job[object], Hearing]]) -> None:
        """Write windows down. One that breaks a batch ends its own job alone."""
        try:
            decoded = self._write_down([hearing for _, hearing in windows])
        except Exception as error:
            if len(windows) > 1:
                for window in windows:
                    self._write([window])
                return
            logger.exception(BROKEN)
            self._end(windows[0][0], _failure(error))
            return
        for (job, hearing), found in zip(windows, decoded, strict=True):
            self._settle(job, partial(job.steps.written, hearing, found))

    def _settle(
        self, job: Job[object], work: Callable[[], Sequence[Hearing]], *, stepped: bool = False
    ) -> None:
        """Do a job's own work, pass on what has come of it, and queue what is to be written down."""
        try:
            if stepped:
                heard = work()
            else:
                with job.lock:
                    heard = work()
            with job.lock:
                for event in job.steps.collect():
                    _put(job, event)
                ended = not job.steps.remaining
        except EngineError as error:
            self._end(job, error)
            return
        except Exception as error:
            logger.exception(BROKEN)
            self._end(job, _failure(error))
            return
        with self._changed:
            job.heard += heard
            job.ready_at = time.monotonic()
            if stepped:
                job.stepping = False
        if ended:
            self._end(job, None)

    def _end(self, job: Job[object], error: EngineError | None) -> None:
        self._withdraw(job)
        with job.lock:
            if not job.ended:
                job.ended = True
                _put(job, Done(error))


def _failure(error: Exception) -> EngineFailed:
    failure = EngineFailed("The speech engine failed on this audio.")
    failure.__cause__ = error
    return failure


def _put(job: Job[E], item: "E | Done") -> None:
    # The caller's loop may have ended while the window was under way; then nobody listens any more.
    with contextlib.suppress(RuntimeError):
        job.loop.call_soon_threadsafe(job.outbox.put_nowait, item)
