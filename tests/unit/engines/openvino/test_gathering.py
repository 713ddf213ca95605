"""Requests that reach an idle engine together start in one step."""

import threading
from types import SimpleNamespace

import openvino_genai as genai
import pytest

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


def choice(index: int) -> Choice:
    settings = SimpleNamespace(logprobs=0)
    return Choice(Job(3), index, [1, 2, 3], settings, SimpleNamespace(), TextReader(index))  # type: ignore[arg-type]


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "GATHER_SECONDS", 30.0)
    monkeypatch.setattr(steps, "GATHER_AT_MOST_SECONDS", 30.0)


@pytest.mark.usefixtures("patient")
async def test_the_first_step_has_all_that_came_meanwhile() -> None:
    pipeline = CountingPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=2, depth=2, on_failure=lambda: None)
    loop.submit([choice(0)])
    assert not pipeline.stepped.wait(0.2)
    loop.submit([choice(0)])  # the limit is reached: nothing more to wait for
    assert pipeline.stepped.wait(10)
    loop.close()
    assert pipeline.in_first_step == 2


async def test_one_alone_starts_after_moments() -> None:
    pipeline = CountingPipeline()
    loop = StepLoop(pipeline, PrefixIndex(4), limit=2, depth=2, on_failure=lambda: None)
    loop.submit([choice(0)])
    assert pipeline.stepped.wait(10)
    loop.close()
    assert pipeline.in_first_step == 1


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
