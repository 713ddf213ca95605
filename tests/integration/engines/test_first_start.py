"""What the first start of a model does besides, leaves nothing behind in the host."""

import asyncio
import time
from pathlib import Path

import psutil
import pytest

from sayso.engines.config import EngineConfig
from sayso.engines.openvino.conversion import converted
from sayso.engines.supervisor import EngineHost
from sayso.errors import EngineFailed


def config_of(folder: Path, cache: Path) -> EngineConfig:
    return EngineConfig("openvino", "smollm2", folder, "ab" * 32, cache, context_length=2048)


async def resident(config: EngineConfig) -> int:
    """Return what a host of its own takes once it is ready."""
    host = EngineHost(config)
    host.start()
    try:
        await host.ready()
        return (await host.load()).resident_bytes
    finally:
        await host.stop()


def converting(host: EngineHost) -> tuple[psutil.Process, list[psutil.Process]]:
    """Wait until a host has its weights converted; return its process and what it has started."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        if host.pid is not None and (working := psutil.Process(host.pid).children()):
            return psutil.Process(host.pid), working
        time.sleep(0.01)
    pytest.fail("nothing is converted")


@pytest.mark.long
async def test_a_host_that_has_converted_its_weights_takes_what_a_later_one_does(
    smollm2_folder: Path, tmp_path: Path
) -> None:
    config = config_of(smollm2_folder, tmp_path / "cache")
    first, later = await resident(config), await resident(config)
    assert first < 1.05 * later


async def test_a_conversion_ends_with_its_host(smollm2_folder: Path, tmp_path: Path) -> None:
    host = EngineHost(config_of(smollm2_folder, tmp_path / "cache"))
    host.start()
    try:
        process, working = await asyncio.to_thread(converting, host)
        process.kill()
        gone, _ = await asyncio.to_thread(psutil.wait_procs, working, timeout=5)
        assert gone == working
    finally:
        await host.stop()


def test_what_can_not_be_converted_is_said_and_leaves_nothing(tmp_path: Path) -> None:
    folder, cache = tmp_path / "model", tmp_path / "cache"
    folder.mkdir()
    (folder / "broken.gguf").write_bytes(b"GGUF" + bytes(1000))
    with pytest.raises(EngineFailed, match=r"broken\.gguf could not be converted"):
        converted(config_of(folder, cache))
    assert [path.name for path in cache.iterdir()] == [".lock"]
