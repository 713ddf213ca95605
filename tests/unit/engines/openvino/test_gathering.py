"""Requests that reach an idle engine together, or while a first prompt is read, start in one step."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from types import SimpleNamespace

import openvino_genai as genai
import pytest

from sayso.engines.base import Outlet
from sayso.engines.openvino import steps
from sayso.engines.openvino.calls import TextReader
from sayso.engines.openvino.choice import Choice, Job
from sayso.engines.openvino.prefix import PrefixIndex
from sayso.engines.openvino.steps import StepLoop


class StillHandle:
    """A sequence that runs and writes nothing."""

    def can_read(self) -> bool:
        return False

    def get_status(self) -> genai.GenerationStatus:
        return genai.GenerationStatus.RUNNING

    def cancel(self) -> None:
        pass


class CountingPipeline:
    """Tells how many sequences the first step had."""

    def __init__(self) -> None:
        self.stepped = threading.Event()
        self.sequences = 0
        self.in_first_step = 0

    def add_request(self, *_: object) -> StillHandle:
        self.sequences += 1
        return StillHandle()

    def step(self) -> None:
        if not self.stepped.is_set():
            self.in_first_step = self.sequences
            self.stepped.set()

    def has_non_finished_requests(self) -> bool:
        return self.sequences > 0


def choice(index: int, outlet: Outlet | None = None) -> Choice:
    text = SimpleNamespace(push=lambda *_: "a", stopped=False)
    settings = SimpleNamespace(logprobs=0)
    return Choice(Job(3, outlet=outlet), index, [1, 2, 3], settings, text, TextReader(index))  # type: ignore[arg-type]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GATHER_SECONDS", 30.0)


@pytest.mark.usefixtures("patient")
async def test_the_first_step_has_all_that_came_meanwhile() -> None:
    pipeline = CountingPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=2, depth=2, on_failure=lambda: None)
    loop.submit([choice(0)])
    assert not pipeline.stepped.wait(0.2)
    loop.submit([choice(0)])
    assert await asyncio.to_thread(pipeline.stepped.wait, 10)
    loop.close()
    assert pipeline.in_first_step == 2


@pytest.mark.usefixtures("patient")
async def test_one_alone_starts_once_the_event_loop_has_nothing_to_do() -> None:
    pipeline = CountingPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=2, depth=2, on_failure=lambda: None)
    loop.submit([choice(0)])
    assert await asyncio.to_thread(pipeline.stepped.wait, 10)
    loop.close()
    assert pipeline.in_first_step == 1


class AnsweringHandle(StillHandle):
    """A sequence that has written its first token."""

    def __init__(self) -> None:
        self.unread = 1

    def can_read(self) -> bool:
        return self.unread > 0

    def read(self) -> dict[int, SimpleNamespace]:
        self.unread -= 1
        going_on = genai.GenerationFinishReason.NONE
        return {0: SimpleNamespace(generated_ids=[7], generated_log_probs=[0.0], finish_reason=going_on)}


class AnsweringPipeline:
    """Answers at once; tells how many sequences each of its first two steps had."""

    def __init__(self) -> None:
        self.twice = threading.Event()
        self.counts: list[int] = []
        self._sequences = 0

    def add_request(self, *_: object) -> AnsweringHandle:
        self._sequences += 1
        return AnsweringHandle()

    def step(self) -> None:
        self.counts.append(self._sequences)
        if len(self.counts) == 2:
            self.twice.set()

    def has_non_finished_requests(self) -> bool:
        return False


class Followed:
    """An outlet that takes everything; with the first token others are on their way."""

    def __init__(self, follow: Callable[[], object]) -> None:
        self._follow = follow

    def take(self, events: Sequence[object]) -> bool:
        self._follow()
        return True

    def passed_on(self) -> None:
        pass


@pytest.mark.usefixtures("patient")
async def test_the_second_step_has_all_that_came_during_the_first() -> None:
    running = asyncio.get_running_loop()

    def come(others: int, rounds: int = 4) -> None:
        """Submit as many, one after the other, each some rounds of the event loop after the one before."""
        if rounds:
            running.call_soon(come, others, rounds - 1)
        else:
            loop.submit([choice(0)])
            if others > 1:
                come(others - 1)

    pipeline = AnsweringPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=200, depth=200, on_failure=lambda: None)
    loop.submit([choice(0, Followed(lambda: running.call_soon_threadsafe(come, 100)))])
    assert await asyncio.to_thread(pipeline.twice.wait, 10)
    loop.close()
    assert pipeline.counts[:2] == [1, 101]


@pytest.mark.usefixtures("patient")
async def test_who_leaves_while_the_engine_waits_never_starts() -> None:
    pipeline = CountingPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=2, depth=2, on_failure=lambda: None)
    lonely = choice(0)
    loop.submit([lonely])
    loop.abandon(lonely.job)
    assert loop.load() == (0, 0)
    loop.close()
    assert pipeline.sequences == 0
