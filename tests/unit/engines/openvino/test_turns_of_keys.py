"""A key with a hundred requests waiting does not starve another key's one."""

import threading
from types import SimpleNamespace

import openvino_genai as genai
import pytest

from sayso.engines.openvino.calls import TextReader
from sayso.engines.openvino.choice import Choice, Job
from sayso.engines.openvino.prefix import PrefixIndex
from sayso.engines.openvino.steps import StepLoop
from sayso.engines.openvino.turns import Turns
from sayso.errors import EngineOverloaded


def turns() -> Turns[str]:
    """Shares are the first letters."""
    return Turns(lambda name: name[0])


def test_shares_start_one_each_a_round() -> None:
    assert list(turns().order(["a1", "a2", "a3", "b1", "c1", "c2"])) == ["a1", "b1", "c1", "a2", "c2", "a3"]


def test_who_has_started_waits_for_the_others() -> None:
    taking = turns()
    waiting = ["a1", "a2", "a3", "b1", "b2", "c1"]
    begun = []
    while waiting:  # one place at a time
        begun.append(next(taking.order(waiting)))
        taking.note(begun[-1])
        waiting.remove(begun[-1])
    assert begun == ["a1", "b1", "c1", "a2", "b2", "a3"]


def test_a_turn_is_remembered_while_nothing_waits() -> None:
    taking = turns()
    taking.note("a1")
    assert list(taking.order([])) == []
    assert list(taking.order(["a2", "b1"])) == ["b1", "a2"]


class ShortHandle:
    """A sequence that writes one token and ends."""

    def __init__(self) -> None:
        self.unread = 0

    def can_read(self) -> bool:
        return self.unread > 0

    def read(self) -> dict[int, SimpleNamespace]:
        self.unread -= 1
        stop = genai.GenerationFinishReason.STOP
        return {0: SimpleNamespace(generated_ids=[7], generated_log_probs=[0.0], finish_reason=stop)}

    def get_status(self) -> genai.GenerationStatus:
        return genai.GenerationStatus.RUNNING


class GatedPipeline:
    """Takes down the prompts in the order in which they start; steps once it is let."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.open = threading.Event()
        self.all = threading.Event()
        self.expected = 0
        self._handles: list[ShortHandle] = []

    def add_request(self, _: int, ids: object, *__: object) -> ShortHandle:
        self.begun.append(int(ids.data[0][0]))  # type: ignore[attr-defined]
        self._handles.append(ShortHandle())
        return self._handles[-1]

    def step(self) -> None:
        assert self.open.wait(10)
        for handle in self._handles:
            handle.unread += 1
        self._handles.clear()
        if len(self.begun) == self.expected:
            self.all.set()

    def has_non_finished_requests(self) -> bool:
        return bool(self._handles)


def choice(share: str, number: int) -> Choice:
    text = SimpleNamespace(push=lambda *_: "", flush=lambda: "", stopped=False)
    return Choice(Job(1, share), 0, [number], SimpleNamespace(logprobs=0), text, TextReader(0))  # type: ignore[arg-type]


@pytest.fixture
def pipeline() -> GatedPipeline:
    return GatedPipeline()


async def test_one_request_starts_beside_a_hundred_of_another_key(pipeline: GatedPipeline) -> None:
    loop = StepLoop(pipeline, PrefixIndex(4), limit=1, depth=200, on_failure=lambda: None)
    pipeline.expected = 102
    for number in range(101):
        loop.submit([choice("busy", number)])
    loop.submit([choice("quiet", 999)])
    pipeline.open.set()
    assert pipeline.all.wait(10)
    loop.close()
    assert pipeline.begun.index(999) <= 2
    assert [number for number in pipeline.begun if number != 999] == list(range(101))


async def test_a_queue_that_one_key_fills_takes_others_still(pipeline: GatedPipeline) -> None:
    loop = StepLoop(pipeline, PrefixIndex(4), limit=1, depth=2, on_failure=lambda: None)
    pipeline.expected = 4
    for number in range(3):
        loop.submit([choice("busy", number)])
    with pytest.raises(EngineOverloaded):
        loop.submit([choice("busy", 3)])
    loop.submit([choice("quiet", 999)])
    with pytest.raises(EngineOverloaded):
        loop.submit([choice("quiet", 998)])
    pipeline.open.set()
    assert pipeline.all.wait(10)
    loop.close()
