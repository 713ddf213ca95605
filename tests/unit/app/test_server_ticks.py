"""The gateway's server wakes once a second for the date, and ends when it is told to."""

import asyncio
import time

import pytest
import uvicorn

from sayso.app import server
from sayso.app.server import _Server


async def _app(*_: object) -> None:
    raise AssertionError("nobody asks")


@pytest.fixture
def quiet() -> _Server:
    """A server that is not listening."""
    return _Server(uvicorn.Config(_app, log_config=None))


async def test_it_ends_at_once_and_has_the_date(quiet: _Server) -> None:
    serving = asyncio.create_task(quiet.main_loop())
    await asyncio.sleep(0)
    assert b"date" in dict(quiet.server_state.default_headers)
    begun = time.monotonic()
    quiet.end()
    await serving
    assert time.monotonic() - begun < server._TICK_SECONDS / 2


async def test_the_date_goes_on(quiet: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "_TICK_SECONDS", 0.01)
    serving = asyncio.create_task(quiet.main_loop())
    await asyncio.sleep(0)
    quiet.server_state.default_headers = []
    async with asyncio.timeout(2):
        while not quiet.server_state.default_headers:  # noqa: ASYNC110 - the server tells nobody of it
            await asyncio.sleep(0.005)
    quiet.end()
    await serving
