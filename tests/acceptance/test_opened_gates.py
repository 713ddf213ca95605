"""A load curve is measured beyond what the gate lets through, which is afterwards as it was."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import text

from sayso.db.session import Database
from tests.acceptance.commands import sayso
from tests.acceptance.dedicated_servers import create, write_settings
from tests.acceptance.running_server import RunningServer, start_server

pytestmark = pytest.mark.long

SCRIPTED = """
load_models = ["scripted"]
[models.scripted]
kind = "chat"
engine = "fake"
context_length = 4096
script = '{"reply": "one two three four five six seven eight", "token_seconds": 0.02}'
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server with an instance that lets two requests through and refuses the third."""
    folder = tmp_path_factory.mktemp("opened")
    write_settings(folder, SCRIPTED)
    running = start_server(folder)
    create(running, "own", "--memory-mib", "512", "--preset", "latency", model="scripted")
    yield running
    assert running.stop() == 0


def opened(server: RunningServer) -> int:
    """How far the gate is open beyond its load."""

    async def read() -> int:
        async with Database.open(f"sqlite:///{server.folder / 'sayso.db'}") as db, db.read() as session:
            return int(await session.scalar(text("SELECT opened FROM instances")) or 0)

    return asyncio.run(read())


def events(server: RunningServer) -> list[dict[str, Any]]:
    return list(sayso(server.folder, "instances", "events", "own"))


@pytest.mark.timeout(120)
def test_a_curve_goes_to_sixteen_whatever_the_gate_lets_through(server: RunningServer) -> None:
    before = events(server)
    levels = sayso(server.folder, "instances", "curve", "own", "--tokens", "8")
    assert [level["concurrency"] for level in levels] == [1, 2, 4, 8, 16]
    speeds = [level["tokens_per_second"] for level in levels]
    assert speeds[-1] > 4 * speeds[0], "more ran at once than two"
    assert opened(server) == 0
    assert events(server) == before
    assert sayso(server.folder, "instances", "show", "own")["load"]["max_concurrency"] == 2


@pytest.mark.timeout(120)
def test_a_curve_that_is_interrupted_closes_the_gate(server: RunningServer) -> None:
    options = ("--data-dir", str(server.folder), "--config", str(server.folder / "sayso.toml"))
    command = [sys.executable, "-m", "sayso", "instances", "curve", "own", "--tokens", "8", *options]
    with subprocess.Popen(
        command, cwd=server.folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=dict(os.environ)
    ) as measuring:
        until = time.monotonic() + 60
        while not opened(server):
            assert measuring.poll() is None
            assert time.monotonic() < until
            time.sleep(0.02)
        measuring.send_signal(signal.SIGINT)
        assert measuring.wait(timeout=30) != 0
    assert opened(server) == 0
