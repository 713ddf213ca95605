"""What is asked of the model, and what it does next: a step of one job, or windows of several written down.

Everything here is decided on the jobs as they are; the scheduler holds its lock meanwhile.
"""

import asyncio
import threading
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeAlias, TypeVar

from sayso.engines.whisper.hearing import Decoded, Hearing, Likeness

E_co = TypeVar("E_co", covariant=True)
E = TypeVar("E")

SLACK_SECONDS = 0.5  # how much longer a job may wait for each window that it still has before it
SLACK_WINDOWS = 12  # windows that count, so that the longest job waits 6 s at most for its turn
BATCH = 4  # windows that are written down together; more gains little on a CPU and holds everybody up
BATCH_FRAMES = 8_000  # that their encoder heard in all, at most: closing a stream waits for a batch


class Steps(Protocol[E_co]):
    """Work that is done a window at a time."""

    @property
    def remaining(self) -> int:
        """Windows that are left, 0 once the work is done."""
        ...

    @property
    def is_short(self) -> bool:
        """Whether it was a window at most from the start."""
        ...

    @property
    def can_step(self) -> bool:
        """Whether there is something to do before more is written down."""
        ...

    def step(self) -> Sequence[Hearing]:
        """Do what is next; return windows to be written down. One thread at a time."""
        ...

    def written(self, hearing: Hearing, decoded: Decoded) -> Sequence[Hearing]:
        """Take what was written about a window; return what is to be written down again."""
        ...

    def collect(self) -> Sequence[E_co]:
        """Return what has come of all that since the last call."""
        ...


@dataclass(frozen=True, slots=True)
class Done:
    """The last thing in a job's outbox: the end, or what broke it."""

    error: BaseException | None = None


@dataclass(slots=True, eq=False)
class Job(Generic[E]):
    """A job's place in the order: `ready_at` is when it came or last had its turn, in monotonic seconds.

    `heard` are its windows that nobody writes down yet, `stepping` whether a thread does its next step.
    `lock` is held where its events are put into the outbox, so that they stay in order.
    """

    steps: Steps[E]
    ready_at: float
    started: bool = False
    stepping: bool = False
    ended: bool = False
    heard: list[Hearing] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    outbox: "asyncio.Queue[E | Done]" = field(default_factory=asyncio.Queue)
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.get_running_loop)

    @property
    def can_step(self) -> bool:
        """Whether a thread may do its next step now."""
        return not self.stepping and self.steps.can_step


@dataclass(frozen=True, slots=True)
class Step:
    """Do the next step of a job."""

    job: Job[Any]


@dataclass(frozen=True, slots=True)
class Write:
    """Write down windows that are alike, of these jobs."""

    windows: tuple[tuple[Job[Any], Hearing], ...]


Turn: TypeAlias = Step | Write


def is_short(turn: Turn) -> bool:
    """Whether a turn is one of short jobs; those of a batch are of a kind."""
    match turn:
        case Step(job):
            return job.steps.is_short
        case Write(windows):
            return windows[0][0].steps.is_short


def due(ready_at: float, remaining: int) -> float:
    """Return the time by which a job should have its next window, in the clock of `ready_at`.

    The less is left the sooner it is due; a job that was passed over keeps its time, so that newcomers
    fall behind it in the end, however short they are.
    """
    return ready_at + SLACK_SECONDS * min(max(remaining - 1, 0), SLACK_WINDOWS)


def choose(jobs: Sequence[Job[Any]], max_started: int, *, only_short: bool = False) -> Turn | None:
    """Return what to do next: the job that is due first, and with it what is like it.

    A job not begun counts only while fewer than `max_started` of its kind are: clips do not wait for a long
    recording to end. Windows of other short jobs (of other long ones for a long one) are heard first, so that
    they can be written down together: up to a batch of clips; of long recordings until a batch is full of
    windows that are alike, since those of a kind come one after another anyway.
    """
    begun = Counter(job.steps.is_short for job in jobs if job.started)
    able = [
        job
        for job in jobs
        if (job.can_step or job.heard)
        and (job.started or begun[job.steps.is_short] < max_started)
        and (job.steps.is_short or not only_short)
    ]
    able.sort(key=lambda job: due(job.ready_at, job.steps.remaining))
    if not able:
        return None
    first = able[0]
    kind = [job for job in able if job.steps.is_short == first.steps.is_short]
    if not _is_enough(first, kind):
        for job in (first, *kind):
            if job.can_step:
                return Step(job)
    return _batch(first if first.heard else next(job for job in kind if job.heard), kind)


def _is_enough(first: Job[Any], kind: Sequence[Job[Any]]) -> bool:
    """Whether to write down now what was heard."""
    if first.steps.is_short:
        return sum(len(job.heard) for job in kind) >= BATCH
    return _full_likeness(first, kind) is not None


def _full_likeness(first: Job[Any], kind: Sequence[Job[Any]]) -> Likeness | None:
    """Return what a full batch has in common that holds windows of `first`, the oldest of them first."""
    count = Counter(hearing.likeness for job in kind for hearing in job.heard)
    return next((h.likeness for h in first.heard if count[h.likeness] >= _room(h.likeness)), None)


def _room(likeness: Likeness) -> int:
    """Return how many windows make a batch."""
    return max(min(BATCH, BATCH_FRAMES // likeness[0]), 1)


def _batch(first: Job[Any], kind: Sequence[Job[Any]]) -> Write:
    likeness = _full_likeness(first, kind) or first.heard[0].likeness
    order = [first, *(job for job in kind if job is not first)]
    alike = [(job, hearing) for job in order for hearing in job.heard if hearing.likeness == likeness]
    return Write(tuple(alike[: _room(likeness)]))
