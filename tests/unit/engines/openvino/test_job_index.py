"""Which requests can still be asked what they used."""

import pytest

from sayso.engines.openvino.choice import Job
from sayso.engines.openvino.jobs import JobIndex
from sayso.errors import EngineUnavailable


async def test_a_request_is_found_while_it_runs_and_after_it() -> None:
    index, job = JobIndex(), Job(3)
    index.enter("a", job)
    assert index.find("a") is job
    index.leave("a")
    assert index.find("a") is job


async def test_what_was_stopped_before_it_came_does_not_begin() -> None:
    index = JobIndex()
    assert index.find("late") is None
    with pytest.raises(EngineUnavailable):
        index.enter("late", Job(3))


async def test_the_oldest_that_have_ended_are_forgotten() -> None:
    index = JobIndex()
    for number in range(1_100):
        index.enter(str(number), Job(number))
        index.leave(str(number))
    assert index.find("0") is None
    assert index.find("1099") is not None
