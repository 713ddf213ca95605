"""A host keeps to its own cores and its own memory."""

import os
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sayso.core.chat import ChatRequest, Message
from sayso.core.cores import usable_cores
from sayso.engines.config import EngineConfig
from sayso.engines.hosted import HostedChatEngine
from sayso.engines.supervisor import EngineHost
from sayso.errors import EngineFailed

CONTEXT = 1_024


def config_of(folder: Path, cache_dir: Path) -> EngineConfig:
    """SmolLM2 on the last core."""
    return EngineConfig(
        "openvino", "smollm2", folder, "ab" * 32, cache_dir, CONTEXT, 4 * CONTEXT,
        threads=1, cores=usable_cores()[-1:], measured=True,
    )  # fmt: skip


async def test_every_thread_of_a_host_stays_on_its_cores_and_it_tells_what_it_takes(
    smollm2_folder: Path, shared_cache: Path
) -> None:
    host = EngineHost(config_of(smollm2_folder, shared_cache))
    host.start()
    try:
        await host.ready()
        engine = HostedChatEngine(host)
        async for _ in engine.chat(ChatRequest("m", (Message("user", "Hi"),), max_tokens=4)):
            pass
        assert host.pid is not None
        threads = [thread.id for thread in psutil.Process(host.pid).threads()]
        assert {tuple(os.sched_getaffinity(thread)) for thread in threads} == {host.config.cores}
        info = await host.info()
        # 30 layers with 3 heads of 64 numbers for keys and for values, a byte or two each.
        assert 30 * 3 * 64 * 2 < info.cache_token_bytes < 30 * 3 * 64 * 2 * 2.5
        assert 200 << 20 < info.loaded_bytes < 900 << 20
    finally:
        await host.stop()


async def test_a_host_that_takes_more_than_its_memory_is_ended(
    smollm2_folder: Path, shared_cache: Path
) -> None:
    host = EngineHost(replace(config_of(smollm2_folder, shared_cache), memory_bytes=150 << 20))
    host.start()
    try:
        with pytest.raises(EngineFailed, match="more than its 150 MiB of memory"):
            await host.ready()
    finally:
        await host.stop()


async def test_a_host_does_not_start_on_cores_that_there_are_not(tmp_path: Path) -> None:
    host = EngineHost(EngineConfig("fake", "fake", tmp_path, "00", tmp_path, cores=(9_999,)))
    host.start()
    try:
        with pytest.raises(EngineFailed, match="no cores"):
            await host.ready()
    finally:
        await host.stop()
