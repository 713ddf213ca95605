"""Hosts of instances: started, changed, replaced, crashed and ended."""

import asyncio
import os
import signal
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from sayso.core.chat import ChatRequest, Finished, Message
from sayso.core.cores import usable_cores
from sayso.dedicated.configuration import Share
from sayso.dedicated.fleet import Fleet
from sayso.dedicated.footprints import Footprint
from sayso.dedicated.forecast import Size
from sayso.dedicated.hosting import Prepared
from sayso.dedicated.running import RunningInstance
from sayso.dedicated.runtime import ProvisioningFailed
from sayso.dedicated.shapes import instance_shape
from sayso.errors import ConfigurationError, EngineFailed, EngineUnavailable
from tests.integration.dedicated.instances import FAKE, changed, fakes, fleet, instance, until
from tests.processes import ended

REQUEST = ChatRequest("m", (Message("user", "one two three four five"),))


def found(of: Fleet, snapshot: str = "fake") -> RunningInstance:
    running = of.find("proj_1", snapshot)
    assert running is not None
    return running


async def ask(running: RunningInstance, request: ChatRequest = REQUEST) -> int:
    """Return the tokens of an answer."""
    async with running.enter(Size(5, 5)) as turn:
        assert turn.chat is not None
        async with aclosing(turn.chat.chat(request)) as events:
            async for event in events:
                if isinstance(event, Finished):
                    return event.usage.completion_tokens
    raise AssertionError("no end")


def host_of(running: RunningInstance) -> psutil.Process:
    assert running.current.host.pid is not None
    return psutil.Process(running.current.host.pid)


async def test_an_instance_is_its_projects_alone_and_ends_when_it_is_stopped(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        one = instance()
        await made.provision(one)
        running = found(made)
        assert await ask(running) == 5
        assert made.find("proj_2", "fake") is None
        assert made.find("proj_1", "other") is None
        assert made.snapshots("proj_1") == {"fake"}
        assert not made.snapshots("proj_2")
        status = made.status(one.id)
        assert status is not None
        assert (status.up, status.cores) == (True, usable_cores()[-1:])
        assert status.fingerprint.startswith("fp_")
        assert status.resident_mib > 10
        process = host_of(running)
        assert process.cpu_affinity() == list(usable_cores()[-1:])
        await made.stop(one.id, 1.0)
        assert ended(process)
        assert made.status(one.id) is None
        assert made.find("proj_1", "fake") is None


async def test_two_instances_never_share_a_core(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path), cores=2) as (made, _):
        await made.provision(instance(number=1))
        await made.provision(instance(number=2, project="proj_2"))
        first, second = made.status(instance(number=1).id), made.status(instance(number=2).id)
        assert first is not None
        assert second is not None
        assert not set(first.cores) & set(second.cores)


async def test_what_a_stop_finds_running_may_end(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path, token_seconds=0.05)) as (made, _):
        one = instance()
        await made.provision(one)
        running = found(made)
        answer = asyncio.create_task(ask(running))
        await until(lambda: bool(running.entrance.running))
        stopping = asyncio.create_task(made.stop(one.id, 10.0))
        await asyncio.sleep(0)
        assert made.find("proj_1", "fake") is None
        assert await answer == 5
        await stopping


async def test_what_takes_longer_than_the_drain_is_cut_off(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path, token_seconds=5.0)) as (made, _):
        one = instance(changed(max_concurrency=1))
        await made.provision(one)
        running = found(made)
        cut, waiting = (asyncio.create_task(ask(running)) for _ in range(2))
        await until(lambda: bool(running.entrance.waiting))
        await made.stop(one.id, 0.2)
        with pytest.raises((EngineFailed, EngineUnavailable)):
            await cut
        with pytest.raises(EngineUnavailable):
            await waiting


async def test_a_change_of_the_gate_needs_no_host(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path, token_seconds=0.05)) as (made, _):
        one = instance(changed(max_concurrency=1))
        await made.provision(one)
        running = found(made)
        process = host_of(running)
        answers = [asyncio.create_task(ask(running)) for _ in range(6)]
        await until(lambda: running.entrance.waiting >= 5)
        async with asyncio.timeout(1):
            made.open_gate(one.id, 6)
            await until(lambda: running.entrance.running >= 6)
        assert await asyncio.gather(*answers) == [5] * 6
        assert host_of(running) == process


async def test_the_first_of_its_snapshot_has_as_much_room_as_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Footprint, "of", lambda info: Footprint(50 << 20, 1_000))
    rooms = []
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        for _ in range(2):
            await made.provision(instance())
            status = made.status(instance().id)
            assert status is not None
            rooms.append((found(made).current.room, status.places))
            await made.stop(instance().id, 1.0)
    assert rooms == [(16 * FAKE.context_length, 16)] * 2


async def test_a_gate_beyond_its_room_takes_another_host_and_one_that_is_opened_does_not(
    tmp_path: Path,
) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        one = instance()
        await made.provision(one)
        running = found(made)
        process = host_of(running)
        status = made.status(one.id)
        assert status is not None
        assert status.places == FAKE.load.max_concurrency == 4, "its engine can not be measured"
        assert made.open_gate(one.id, 99) == 16
        assert running.entrance.gate.load.max_concurrency == 16
        await made.update(one, one.configuration)
        assert running.entrance.gate.load.max_concurrency == 4
        assert host_of(running) == process
        await made.update(one, changed(max_concurrency=5))
        assert host_of(running) != process
        assert running.entrance.gate.room == 5 * FAKE.context_length


async def test_what_is_shown_of_an_instance_that_runs_here(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        one = instance()
        assert instance_shape(one, made.status(one.id))["now"] is None
        await made.provision(one)
        async with found(made).enter(Size(5, 5)):
            now = instance_shape(one, made.status(one.id))["now"]
        assert (now["up"], now["running"], now["waiting"], now["utilization"]) == (True, 1, 0, 0.25)
        assert now["system_fingerprint"].startswith("fp_")
        assert now["resident_mib"] > 10


async def test_a_host_that_has_had_requests_is_idle_since_the_last(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        one = instance()
        await made.provision(one)

        def idle() -> float | None:
            status = made.status(one.id)
            assert status is not None
            return status.idle_seconds

        before = host_of(found(made))
        assert idle() is None
        async with found(made).enter(Size(5, 5)):
            assert idle() is None
        seconds = idle()
        assert seconds is not None
        assert 0 <= seconds < 5
        await made.update(one, one.configuration, anew=True)
        assert host_of(found(made)) != before
        assert idle() is None


async def test_a_thousand_requests_through_a_change_of_hosts(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path, token_seconds=0.001)) as (made, watch):
        one = instance()
        await made.provision(one)
        running = found(made)
        before = host_of(running)
        answers = 0

        async def client() -> None:
            nonlocal answers
            while answers < 1_000:
                assert await ask(found(made)) == 5
                answers += 1

        clients = [asyncio.create_task(client()) for _ in range(8)]
        await made.update(one, replace(changed(max_batch_tokens=1_024), context_length=2_048))
        after = host_of(running)
        await asyncio.gather(*clients)
        assert answers >= 1_000
        assert after != before
        async with asyncio.timeout(5):
            await until(lambda: bool(ended(before)))
        assert running.current.host.config.context_length == 2_048
        assert watch.told == []
        await made.stop(one.id, 1.0)
        assert ended(after)


async def test_who_waited_for_one_snapshot_is_not_answered_by_another(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path, token_seconds=0.1)) as (made, _):
        one = instance(changed(max_concurrency=1))
        await made.provision(one)
        running = found(made)
        old = running.current
        first = asyncio.create_task(ask(running))
        await until(lambda: bool(running.entrance.running))

        async def waits() -> str:
            async with running.enter(Size(1, 1)) as turn:
                return turn.info.fingerprint

        second = asyncio.create_task(waits())
        await asyncio.sleep(0)
        told = old.host.described
        await made.update(one, replace(changed(max_concurrency=1), snapshot="other", context_length=512))
        await first
        assert told is not None
        assert await second == told.fingerprint
        assert running.snapshot == "other"


async def test_an_update_that_does_not_come_up_leaves_the_old_host(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        one = instance()
        await made.provision(one)
        with pytest.raises(ProvisioningFailed, match="3 cores"):
            await made.update(one, replace(FAKE, share=Share(3, 512)))
        assert await ask(found(made)) == 5


async def test_a_host_that_dies_is_down_and_comes_back(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, watch):
        one = instance()
        await made.provision(one)
        running = found(made)
        os.kill(host_of(running).pid, signal.SIGKILL)
        await watch.until("down")
        assert made.find("proj_1", "fake") is None
        await watch.until("up")
        assert await ask(found(made)) == 5
        assert [what for what, _ in watch.told] == ["down", "up"]


async def test_a_model_that_can_not_be_had_fails_with_the_reason_and_holds_nothing(tmp_path: Path) -> None:
    def missing(name: str) -> Prepared:
        if name == "missing":
            raise ConfigurationError("model 'missing' is not on this machine yet")
        return fakes(tmp_path)(name)

    async with fleet(tmp_path, missing) as (made, _):
        with pytest.raises(ProvisioningFailed, match="not on this machine"):
            await made.provision(instance(replace(FAKE, snapshot="missing")))
        await made.provision(instance())


async def test_a_context_longer_than_the_model_has_is_refused(tmp_path: Path) -> None:
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        with pytest.raises(ProvisioningFailed, match="4096 tokens at most"):
            await made.provision(instance(replace(FAKE, context_length=8_192)))


async def test_a_start_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    before = set(psutil.Process().children())
    async with fleet(tmp_path, fakes(tmp_path)) as (made, _):
        starting = asyncio.create_task(made.provision(instance()))
        await until(lambda: bool(set(psutil.Process().children()) - before))
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        assert not set(psutil.Process().children()) - before
        await made.provision(instance())
