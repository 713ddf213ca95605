"""Where the gateway's threads run beside instances that are flooded and that are not."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sayso.app.gateway_cores import GatewayCores
from sayso.core.chat import ChatRequest, Message
from sayso.core.cores import stay_on, usable_cores
from sayso.dedicated.forecast import Size
from sayso.dedicated.running import RunningInstance
from tests.integration.dedicated.instances import changed, fakes, fleet, instance, until


@pytest.fixture(autouse=True)
def everywhere_again() -> Iterator[None]:
    yield
    stay_on(usable_cores(), every_thread=True)


@pytest.fixture
def another_thread() -> Iterator[int]:
    """The system's number of a thread that does nothing."""
    ending = threading.Event()
    thread = threading.Thread(target=ending.wait)
    thread.start()
    yield thread.native_id or 0
    ending.set()
    thread.join()


async def ask(running: RunningInstance) -> None:
    async with running.enter(Size(5, 5)) as turn:
        assert turn.chat is not None
        async for _ in turn.chat.chat(ChatRequest("m", (Message("user", "one two three four five"),))):
            pass


@pytest.mark.skipif(len(usable_cores()) < 2, reason="no core is left for instances")
async def test_only_an_instance_that_is_flooded_shares_its_cores(tmp_path: Path, another_thread: int) -> None:
    pool, own = set(usable_cores()[:-1]), set(usable_cores()[-1:])
    async with fleet(tmp_path, fakes(tmp_path, token_seconds=0.05)) as (made, _):
        cores = GatewayCores(made)
        await made.provision(instance(changed(max_concurrency=1)))
        running = made.find("proj_1", "fake")
        assert running is not None
        cores.look()
        assert os.sched_getaffinity(0) == pool
        assert os.sched_getaffinity(another_thread) == pool
        answers = [asyncio.create_task(ask(running))]
        await until(lambda: bool(running.entrance.running))
        cores.look()
        assert os.sched_getaffinity(0) == pool, "as much as it takes is no flood"
        answers += [asyncio.create_task(ask(running)) for _ in range(3)]
        await until(lambda: bool(running.entrance.waiting))
        cores.look()
        assert os.sched_getaffinity(0) == pool | own
        assert os.sched_getaffinity(another_thread) == pool | own
        await asyncio.gather(*answers)
        await until(lambda: not running.entrance.crowded(1.0))
        cores.look()
        assert os.sched_getaffinity(0) == pool
