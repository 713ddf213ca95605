"""The decoder's processes: their bounds, their deaths, and what callers see of them."""

import asyncio
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from sayso.audio.decode_process import DecodeProcess
from sayso.audio.decode_wire import Ended, Order
from sayso.audio.decoding import AudioDecoder
from sayso.core.cores import usable_cores
from sayso.core.priority import YIELDING
from sayso.core.speech import SAMPLE_RATE
from sayso.errors import AudioRejected, EngineOverloaded, EngineUnavailable
from tests.integration.audio.made_recordings import long_opus, tone, wav
from tests.processes import ended

pytestmark = pytest.mark.asyncio(loop_scope="module")

CLIP = wav(tone(0.5, SAMPLE_RATE).tobytes())


@pytest.fixture(scope="module")
def hour() -> bytes:
    """Sound that takes some seconds of CPU time to decode."""
    return long_opus(1.0)


@pytest_asyncio.fixture(loop_scope="module")
async def own_decoder() -> AsyncIterator[AudioDecoder]:
    decoder = AudioDecoder(concurrency=2, queue_depth=1)
    await decoder.start()
    yield decoder
    await decoder.close()


def children(decoder: AudioDecoder, cores: tuple[int, ...] = ()) -> list[psutil.Process]:
    pid = decoder.server_pid(cores)
    return psutil.Process(pid).children() if pid else []


def network_devices(pid: str) -> list[str]:
    lines = Path(f"/proc/{pid}/net/dev").read_text().splitlines()[2:]
    return [line.split(":")[0].strip() for line in lines]


def descriptors(pid: str) -> int:
    return len(list(Path(f"/proc/{pid}/fd").iterdir()))


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - other processes send no event
            await asyncio.sleep(0.005)


async def cancelled(*tasks: "asyncio.Task[object]") -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_a_child_is_bounded(own_decoder: AudioDecoder, hour: bytes) -> None:
    task = asyncio.create_task(own_decoder.decode(hour))
    await until(lambda: len(children(own_decoder)) == 1)
    proc = Path("/proc") / str(children(own_decoder)[0].pid)
    await until(lambda: "Max open files            0 " in (proc / "limits").read_text())
    limits = (proc / "limits").read_text()
    assert "Max core file size        1 " in limits
    megabytes = int(limits.split("Max address space")[1].split()[0]) / 2**20
    assert megabytes < 1024
    seconds = int(limits.split("Max cpu time")[1].split()[0])
    assert 5 <= seconds <= 5 + 2 * (len(hour) // 2**20 + 1)
    # nothing but its three descriptors, its standard streams aside
    assert len([link for link in (proc / "fd").iterdir() if int(link.name) > 2]) == 3
    await cancelled(task)


async def test_the_server_is_without_network_and_root(own_decoder: AudioDecoder) -> None:
    pid = own_decoder.server_pid()
    if os.geteuid() == 0:
        assert psutil.Process(pid).uids().effective != 0
    devices = network_devices(str(pid))
    if devices == network_devices("self"):
        pytest.skip("this system lets no process leave its network")
    assert devices == ["lo"]


async def test_cancelling_ends_the_child_at_once(own_decoder: AudioDecoder, hour: bytes) -> None:
    task = asyncio.create_task(own_decoder.decode(hour))
    await until(lambda: len(children(own_decoder)) == 1)
    await cancelled(task)
    await until(lambda: children(own_decoder) == [])
    assert (
        psutil.Process(own_decoder.server_pid()).cpu_times().children_user < 1
    )  # the whole takes some seconds
    assert (await own_decoder.decode(CLIP)).seconds == 0.5


async def test_a_full_queue_refuses_at_once_and_serves_again(own_decoder: AudioDecoder, hour: bytes) -> None:
    busy = [asyncio.create_task(own_decoder.decode(hour)) for _ in range(3)]
    await until(lambda: len(children(own_decoder)) == 2)
    with pytest.raises(EngineOverloaded):
        await own_decoder.decode(CLIP)
    await cancelled(*busy)
    for _ in range(3):  # two run and one waits, as before
        await asyncio.gather(*(own_decoder.decode(CLIP) for _ in range(3)))


async def test_cores_of_their_own_wait_for_nobody_else(own_decoder: AudioDecoder, hour: bytes) -> None:
    busy = [asyncio.create_task(own_decoder.decode(hour)) for _ in range(3)]
    await until(lambda: len(children(own_decoder)) == 2)
    core = usable_cores()[-1:]
    assert (await own_decoder.decode(CLIP, core)).seconds == 0.5
    own = asyncio.create_task(own_decoder.decode(hour, core))
    await until(lambda: len(children(own_decoder, core)) == 1)
    server = psutil.Process(own_decoder.server_pid(core))
    assert {tuple(one.cpu_affinity()) for one in (server, *server.children())} == {core}
    await cancelled(*busy, own)


async def test_a_server_on_cores_that_others_have_now_is_gone(own_decoder: AudioDecoder) -> None:
    cores = usable_cores()[:2]
    if len(cores) < 2:
        pytest.skip("this machine has one core")
    await own_decoder.decode(CLIP, cores[:1])
    await own_decoder.decode(CLIP, cores[1:])
    servers = [psutil.Process(own_decoder.server_pid((core,))) for core in cores]
    await own_decoder.decode(CLIP, cores)
    assert [ended(one) for one in servers] == [True, True]
    await own_decoder.decode(CLIP)


async def test_beside_instances_decoding_for_the_pool_lets_others_go_first(hour: bytes) -> None:
    decoder = AudioDecoder(concurrency=1, yielding=True)
    core = usable_cores()[-1:]
    try:
        await decoder.start()
        shared = asyncio.create_task(decoder.decode(hour))
        own = asyncio.create_task(decoder.decode(hour, core))
        await until(lambda: len(children(decoder)) == len(children(decoder, core)) == 1)
        usual = os.nice(0)
        assert [one.nice() for one in children(decoder)] == [usual + YIELDING]
        assert [one.nice() for one in children(decoder, core)] == [usual]
        await cancelled(shared, own)
    finally:
        await decoder.close()


async def test_a_dead_server_is_replaced_under_its_callers(own_decoder: AudioDecoder) -> None:
    long_enough = long_opus(0.2)
    pid = own_decoder.server_pid()
    assert pid is not None
    tasks = [asyncio.create_task(own_decoder.decode(long_enough)) for _ in range(2)]
    await until(lambda: len(children(own_decoder)) == 2)
    orphans = children(own_decoder)
    os.kill(pid, signal.SIGKILL)
    await until(lambda: all(ended(child) for child in orphans), seconds=0.5)
    for audio in await asyncio.gather(*tasks):
        assert audio.seconds == pytest.approx(720, abs=0.1)
    assert own_decoder.server_pid() != pid


async def test_a_server_that_dies_idle_is_replaced(own_decoder: AudioDecoder) -> None:
    pid = own_decoder.server_pid()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    assert (await own_decoder.decode(CLIP)).seconds == 0.5


async def test_a_child_that_crashes_harms_only_its_file(
    own_decoder: AudioDecoder, hour: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    pid = own_decoder.server_pid()
    task = asyncio.create_task(own_decoder.decode(hour))
    await until(lambda: len(children(own_decoder)) == 1)
    with caplog.at_level(logging.WARNING):
        children(own_decoder)[0].send_signal(signal.SIGSEGV)
        with pytest.raises(AudioRejected, match="could not be decoded"):
            await task
    assert [record.getMessage() for record in caplog.records] == ["an audio decoder ended with status -11"]
    assert (await own_decoder.decode(CLIP)).seconds == 0.5
    assert own_decoder.server_pid() == pid


async def test_too_much_cpu_time_ends_a_child(hour: bytes) -> None:
    process = await DecodeProcess.start()
    source, sink = os.memfd_create("in"), os.memfd_create("out")
    os.write(source, hour)
    try:
        outcome = await process.run(Order("ogg", SAMPLE_RATE * 7200, cpu_seconds=1), source, sink)
    finally:
        process.close()
        os.close(source)
        os.close(sink)
    assert outcome == Ended(-signal.SIGXCPU)


async def test_too_much_time_by_the_clock_is_a_refusal(hour: bytes) -> None:
    decoder = AudioDecoder(timeout_seconds=0.3)
    await decoder.start()
    try:
        with pytest.raises(AudioRejected, match="longer to decode than is allowed"):
            await decoder.decode(hour)
        await until(lambda: children(decoder) == [])
    finally:
        await decoder.close()


async def test_callers_hear_that_no_decoder_can_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EngineUnavailable):
        await AudioDecoder().decode(CLIP)
    monkeypatch.setattr(sys, "executable", "/nowhere")
    with pytest.raises(EngineUnavailable):
        await AudioDecoder().start()


async def test_closing_ends_the_server(hour: bytes) -> None:
    decoder = AudioDecoder()
    task = asyncio.create_task(decoder.decode(hour))
    await until(lambda: decoder.server_pid() is not None and len(children(decoder)) == 1)
    server = psutil.Process(decoder.server_pid())
    await decoder.close()
    assert not server.is_running()
    with pytest.raises(EngineUnavailable):
        await task
    with pytest.raises(EngineUnavailable):
        await decoder.decode(CLIP)


async def test_descriptors_are_given_back(own_decoder: AudioDecoder) -> None:
    await own_decoder.decode(CLIP)
    before = descriptors("self")
    for _ in range(20):
        await own_decoder.decode(CLIP)
        with pytest.raises(AudioRejected):
            await own_decoder.decode(CLIP[:50])
    assert descriptors("self") <= before
    assert descriptors(str(own_decoder.server_pid())) < 10


async def test_a_server_outlives_no_gateway() -> None:
    process = await DecodeProcess.start()
    server = psutil.Process(process.pid)
    process._control.close()
    await until(lambda: server.status() == psutil.STATUS_ZOMBIE)
    process.close()
