"""What has been written and not yet handed out: under load, several steps' tokens travel together.

Every frame costs each process on its way about 0.1 ms, taken from the cores that run the model. With many
streams a reader can not tell one token at a time from two; alone it gets each as it comes. Where nobody reads
before the answer is complete, frames only tell how far it is.
"""

import time
from collections.abc import Callable

from sayso.core.chat import ChatEvent, TextDelta
from sayso.engines.openvino.choice import Job
from sayso.errors import EngineError

FEW_STREAMS = 5  # fewer get each token as it comes
STREAMS_PER_STEP = 3  # so many more add a step to the interval
MOST_STEPS = 6  # about a sixth of a second of 16 streams on two processors
WHOLE_SECONDS = 0.25  # between two frames of answers that are read whole

Entry = tuple[Job, list[ChatEvent | EngineError]]


def interval(streams: int) -> int:
    """Return how many steps' events travel together when `streams` sequences run."""
    if streams < FEW_STREAMS:
        return 1
    return min(2 + (streams - FEW_STREAMS) // STREAMS_PER_STEP, MOST_STEPS)


class Outbox:
    """Holds events by request until they are due."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._held: dict[int, Entry] = {}
        self._urgent: set[int] = set()
        self._greeted: set[int] = set()
        self._steps = 0
        self._whole_at = 0.0  # when those come that are read whole

    @property
    def pressing(self) -> bool:
        """Whether some of what is held does not wait: a request's first events, or its last."""
        return bool(self._urgent)

    def put(self, job: Job, events: list[ChatEvent | EngineError], *, last: bool) -> None:
        """Add a request's events; its first and the end of each of its choices do not wait."""
        key = id(job)
        self._held.setdefault(key, (job, []))[1].extend(events)
        if last or key not in self._greeted:
            self._urgent.add(key)
            self._greeted.add(key)

    def take(self, streams: int) -> list[Entry]:
        """Return what is due after one more step in which `streams` sequences ran; nobody's is lost."""
        each, whole = self._turns(streams)
        due = [
            key
            for key, (job, _) in self._held.items()
            if key in self._urgent or (whole if job.whole else each)
        ]
        self._urgent.clear()
        entries = [self._held.pop(key) for key in due]
        for job, _ in entries:
            if job.unfinished == 0:
                self._greeted.discard(id(job))
        return [(job, merged(events)) for job, events in entries if not job.abandoned]

    def _turns(self, streams: int) -> tuple[bool, bool]:
        """Return whether it is the turn of answers that are read as they come, and of those read whole."""
        self._steps += 1
        each = self._steps >= interval(streams)
        if each:
            self._steps = 0
        now = self._clock()
        whole = now >= self._whole_at
        if whole:
            self._whole_at = now + WHOLE_SECONDS
        return each, whole

    def forget(self, job: Job) -> None:
        """Drop what an abandoned request will never read."""
        self._held.pop(id(job), None)
        self._urgent.discard(id(job))
        self._greeted.discard(id(job))


def merged(events: list[ChatEvent | EngineError]) -> list[ChatEvent | EngineError]:
    """Join neighbouring text of the same choice into one delta, a log probability for each of its tokens."""
    joined: list[ChatEvent | EngineError] = []
    for event in events:
        before = joined[-1] if joined else None
        if isinstance(event, TextDelta) and isinstance(before, TextDelta) and before.index == event.index:
            joined[-1] = TextDelta(
                event.index,
                before.text + event.text,
                before.logprobs + event.logprobs,
                event.completion_tokens,
            )
        else:
            joined.append(event)
    return joined
