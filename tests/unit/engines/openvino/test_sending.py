"""A first token leaves before the next step begins, which stops every other thread."""

import asyncio
import sys
import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace

import openvino_genai as genai
import pytest

from sayso.engines.openvino.calls import TextReader
from sayso.engines.openvino.choice import Choice, Job
from sayso.engines.openvino.prefix import PrefixIndex
from sayso.engines.openvino.steps import StepLoop

STEPS = 8
STEP_SECONDS = 0.02


class Handle:
    """A sequence that writes a token in each step."""

    def __init__(self) -> None:
        self.unread = 0
        self.written = 0

    def can_read(self) -> bool:
        return self.unread > 0

    def read(self) -> dict[int, SimpleNamespace]:
        self.unread -= 1
        self.written += 1
        finish = genai.GenerationFinishReason
        reason = finish.STOP if self.written == STEPS else finish.NONE
        return {0: SimpleNamespace(generated_ids=[7], generated_log_probs=[0.0], finish_reason=reason)}

    def get_status(self) -> genai.GenerationStatus:
        return genai.GenerationStatus.RUNNING

    def cancel(self) -> None:
        pass


class JealousPipeline:
    """Lets no other thread run during a step; takes down what had been heard when each began."""

    def __init__(self) -> None:
        self.handle = Handle()
        self.heard = 0
        self.heard_before: list[int] = []
        self.done = threading.Event()

    def add_request(self, *_: object) -> Handle:
        return self.handle

    def step(self) -> None:
        self.heard_before.append(self.heard)
        end = time.perf_counter() + STEP_SECONDS
        while time.perf_counter() < end:
            pass
        self.handle.unread += 1

    def has_non_finished_requests(self) -> bool:
        return False


class Text:
    """The text of a token that is always the same."""

    stopped = False

    def push(self, token: int, logprob: float | None = None) -> str:
        return "a"

    def flush(self) -> str:
        return ""


@pytest.fixture
def no_switches() -> Iterator[None]:
    """Let threads change only where the one that runs waits, as while a step has the interpreter's lock."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(60.0)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("no_switches")
async def test_the_first_token_has_left_when_the_next_step_begins() -> None:
    pipeline = JealousPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=2, depth=2, on_failure=lambda: None)
    job = Job(3)
    choice = Choice(job, 0, [1, 2, 3], SimpleNamespace(logprobs=0), Text(), TextReader(0))  # type: ignore[arg-type]
    loop.submit([choice])
    while job.unfinished:
        await job.events.get()
        pipeline.heard += 1
        await asyncio.sleep(0)
    loop.close()
    assert pipeline.heard_before[:2] == [0, 1]
    assert len(pipeline.heard_before) == STEPS
