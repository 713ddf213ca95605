"""Host processes that die, hang or never come up."""

import asyncio
import hashlib
import json
import os
import signal
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from sayso.catalog.snapshot import SnapshotFile
from sayso.core.chat import ChatEvent, ChatRequest, Message, TextDelta
from sayso.engines import supervisor
from sayso.engines.config import EngineConfig
from sayso.engines.hosted import HostedChatEngine
from sayso.engines.supervisor import EngineHost, HostState
from sayso.errors import EngineFailed, EngineUnavailable
from tests.processes import ended


class States:
    """Remembers a host's states and wakes whoever waits for one."""

    def __init__(self) -> None:
        self.seen: list[HostState] = []
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, state: HostState) -> None:
        self.seen.append(state)
        task = asyncio.get_running_loop().create_task(self._wake())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def wait_for(self, *states: HostState) -> None:
        """Return once the last states seen are these."""
        async with asyncio.timeout(20), self._changed:
            await self._changed.wait_for(lambda: tuple(self.seen[-len(states) :]) == states)

    async def _wake(self) -> None:
        async with self._changed:
            self._changed.notify_all()


@asynccontextmanager
async def running_host(tmp_path: Path, **script: object) -> AsyncIterator[tuple[EngineHost, States]]:
    states = States()
    config = EngineConfig("fake", "fake", tmp_path, "00", tmp_path, 4096, script=json.dumps(script))
    host = EngineHost(config, on_state=states)
    host.start()
    try:
        await host.ready()
        yield host, states
    finally:
        await host.stop()


async def signalled(
    host: EngineHost, number: signal.Signals
) -> tuple[AsyncGenerator[ChatEvent, None], float]:
    """Signal the host in the middle of an answer; return the rest of the answer and the moment."""
    assert host.pid is not None
    events = HostedChatEngine(host).chat(long_request())
    async for event in events:
        if isinstance(event, TextDelta):
            os.kill(host.pid, number)
            break
    return events, time.monotonic()


async def drained(events: AsyncGenerator[ChatEvent, None]) -> None:
    async for _ in events:
        pass


def long_request() -> ChatRequest:
    return ChatRequest("m", (Message("user", "word " * 1000),))


async def test_killed_host_gives_a_clean_error_and_comes_back(tmp_path: Path) -> None:
    async with running_host(tmp_path, token_seconds=0.01) as (host, states):
        engine = HostedChatEngine(host)
        pid = host.pid
        events, killed = await signalled(host, signal.SIGKILL)
        with pytest.raises(EngineFailed):
            await drained(events)
        assert time.monotonic() - killed < 2.0
        await states.wait_for("down", "loading", "ready")
        assert host.pid != pid
        assert host.restarts == 1
        assert [event async for event in engine.chat(ChatRequest("m", (Message("user", "again"),)))]


async def test_a_host_that_is_renewed_is_another_process_and_no_restart(tmp_path: Path) -> None:
    async with running_host(tmp_path) as (host, states):
        pid = host.pid
        host.renew()
        with pytest.raises(EngineUnavailable):
            await host.info()
        host.renew()  # which changes nothing: it is under way
        await states.wait_for("ready", "loading", "loading", "ready")
        assert host.pid != pid
        assert (host.restarts, "down" in states.seen) == (0, False)
        assert [event async for event in HostedChatEngine(host).chat(long_request())]


async def test_a_host_that_is_down_is_unavailable(tmp_path: Path) -> None:
    async with running_host(tmp_path) as (host, states):
        assert host.pid is not None
        os.kill(host.pid, signal.SIGKILL)
        await states.wait_for("down", "loading")
        with pytest.raises(EngineUnavailable):
            await HostedChatEngine(host).info()


async def test_a_silent_host_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SILENCE_SECONDS", 0.5)
    async with running_host(tmp_path, token_seconds=0.01) as (host, _):
        events, stopped = await signalled(host, signal.SIGSTOP)
        with pytest.raises(EngineFailed, match="stopped answering"):
            await drained(events)
        assert 0.4 < time.monotonic() - stopped < 2.0
        assert host.pid is not None
        os.kill(host.pid, signal.SIGCONT)


async def test_a_slow_answer_is_kept_alive_by_comments(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "SILENCE_SECONDS", 2.5)
    async with running_host(tmp_path, token_seconds=3.5) as (host, _):
        request = ChatRequest("m", (Message("user", "slow"),))
        texts = [e.text async for e in HostedChatEngine(host).chat(request) if isinstance(e, TextDelta)]
        assert texts == ["slow"]


async def test_a_host_that_can_not_load_says_why(tmp_path: Path) -> None:
    host = EngineHost(EngineConfig("nonsense", "fake", tmp_path, "00", tmp_path))
    host.start()
    try:
        with pytest.raises(EngineFailed, match="unknown engine 'nonsense'"):
            await host.ready()
    finally:
        await host.stop()


@pytest.mark.parametrize("name", ["model.bin", "tokenizer.json"])
async def test_a_host_reads_every_file_before_it_loads_one(tmp_path: Path, name: str) -> None:
    contents = {"model.bin": b"weights" * 1000, "tokenizer.json": b"{}"}
    for file, content in contents.items():
        (tmp_path / file).write_bytes(content)
    files = tuple(
        SnapshotFile(file, hashlib.sha256(content).hexdigest(), len(content))
        for file, content in contents.items()
    )
    config = EngineConfig("fake", "fake", tmp_path, "00", tmp_path, files=files)
    path, before = tmp_path / name, (tmp_path / name).stat()
    path.write_bytes(bytes([contents[name][0] ^ 1]) + contents[name][1:])
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    host = EngineHost(config)
    host.start()
    try:
        with pytest.raises(EngineFailed, match=rf"model 'fake': {name} is damaged"):
            await host.ready()
    finally:
        await host.stop()
    path.write_bytes(contents[name])
    mended = EngineHost(config)
    mended.start()
    try:
        await mended.ready()
    finally:
        await mended.stop()


async def test_stop_ends_the_process_and_its_socket(tmp_path: Path) -> None:
    async with running_host(tmp_path) as (host, _):
        assert host.pid is not None
        process = psutil.Process(host.pid)
    assert ended(process)
    assert host.connection.endpoint.socket is not None
    assert not host.connection.endpoint.socket.exists()


async def test_a_host_is_told_no_secret_of_the_gateways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAYSO_RETENTION_KEY", "secret")
    monkeypatch.setenv("OMP_WAIT_POLICY", "passive")
    async with running_host(tmp_path) as (host, _):
        assert host.pid is not None
        told = psutil.Process(host.pid).environ()
    assert "OMP_WAIT_POLICY" in told
    assert not [name for name in told if name.startswith("SAYSO_")]


async def test_a_long_temporary_folder_is_no_place_for_sockets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("d" * 80)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    async with running_host(tmp_path) as (host, _):
        assert host.state == "ready"
