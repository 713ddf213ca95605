"""Patience is used up by storage that hangs, not by a machine that is short of processors."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from sayso.core.patience import has_waited, patience_left, wait_patiently

PATIENCE = 0.2  # four turns
HOGGED = 0.15  # how long the loop is kept from a turn of 0.05 s


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.core.patience.ADMISSION_SECONDS", PATIENCE)


@asynccontextmanager
async def starved() -> AsyncIterator[None]:
    """Let the loop come to its turns late, as it does where others have the processors."""

    async def hog() -> None:
        while True:
            time.sleep(HOGGED)  # noqa: ASYNC251 - it is to block the loop
            await asyncio.sleep(0)

    hogging = asyncio.create_task(hog())
    yield
    hogging.cancel()


async def test_what_hangs_is_waited_for_as_long_as_the_patience_lasts() -> None:
    hanging: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    began = time.monotonic()
    waited = await wait_patiently(hanging)
    assert waited == pytest.approx(PATIENCE, abs=0.01)
    assert time.monotonic() - began >= PATIENCE
    assert not hanging.done()  # others may wait for it


async def test_what_comes_is_not_waited_for_longer() -> None:
    loop = asyncio.get_running_loop()
    coming: asyncio.Future[None] = loop.create_future()
    loop.call_soon(coming.set_result, None)
    assert await wait_patiently(coming) < PATIENCE / 4


async def test_a_starved_machine_lengthens_the_wait() -> None:
    loop = asyncio.get_running_loop()
    late: asyncio.Future[None] = loop.create_future()
    loop.call_later(2 * PATIENCE, late.set_result, None)
    async with starved():
        waited = await wait_patiently(late)
    assert late.done()
    assert waited <= PATIENCE


async def test_what_one_step_used_the_next_has_no_more() -> None:
    has_waited(PATIENCE / 2)
    assert patience_left() == pytest.approx(PATIENCE / 2)
    has_waited(10.0)
    assert patience_left() == 0.0
