"""Engine hosts start before the gateway is read, and end where the gateway has no use for them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from sayso.app.head_start import HeadStart, early_configs
from sayso.app.host_order import start_in_turn
from sayso.app.planning import Deployment, engine_config
from sayso.catalog.catalogue import Catalogue
from sayso.config import Settings, load_settings
from sayso.engines.config import EngineConfig
from sayso.engines.process import EarlyHost
from sayso.engines.supervisor import EngineHost
from sayso.errors import EngineFailed
from tests.processes import ended

SCRIPTED = """
load_models = ["hears", "talks", "thinks", "elsewhere"]
[models.hears]
kind = "speech"
engine = "fake"
[models.talks]
kind = "chat"
engine = "fake"
context_length = 4096
[models.thinks]
kind = "chat"
engine = "mock"
context_length = 4096
[models.elsewhere]
kind = "chat"
base_url = "http://127.0.0.1:1/v1"
context_length = 4096
"""
AT_REST = """
import asyncio, sys
from sayso.cli.serving import *
from sayso.app.listening import listen
from sayso.config import load_settings

async def open_all(settings):
    tenancy = await open_tenancy(settings, with_first_tenant=True)
    retention = await open_retention(settings, tenancy.database)
    async with HeadStart.of(settings) as early:
        Gateway(settings, Catalogue.of(settings), (), tenancy, retention, early)
    await tenancy.database.close()

async def begin():
    settings = load_settings(data_dir=sys.argv[1], load_models=["none"], models={
        "none": {"kind": "chat", "engine": "mock", "context_length": 4096}})
    await open_all(settings)
    made = "alembic" in sys.modules
    print(made, *sorted({*heavy.split()} & sys.modules.keys()))

heavy = "alembic mako psycopg pygments markdown_it numpy openvino ctranslate2 av"
heavy += " jinja2 sqlalchemy.dialects.postgresql"
asyncio.run(begin())
"""
SEEN_FIRST = """
import sys
from sayso.engines.process import EarlyHost

async def begin(config):
    heavy = {"aiohttp", "alembic", "fastapi", "sqlalchemy", "uvicorn"}
    print(config.snapshot, *sorted(heavy & sys.modules.keys()))
    sys.exit()

EarlyHost.begin = begin
from sayso.cli.main import main
main()
"""


def settings_of(folder: Path, text: str = SCRIPTED) -> Settings:
    file = folder / "sayso.toml"
    file.write_text(text)
    return load_settings(file, data_dir=folder, port=0)


def started(*words: str, folder: Path) -> "subprocess.Popen[str]":
    environment = {**os.environ, "TMPDIR": str(folder)}
    return subprocess.Popen([sys.executable, *words], text=True, stdout=subprocess.PIPE, env=environment)


def serve_words(folder: Path) -> tuple[str, ...]:
    return ("serve", "--port", "0", "--data-dir", str(folder), "--config", str(folder / "sayso.toml"))


def test_chat_comes_first_and_one_core_is_the_gateways(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    assert [config.snapshot for config in early_configs(settings, (0, 1))] == ["talks"]
    assert [config.snapshot for config in early_configs(settings, (0,))] == ["talks"]
    assert [config.snapshot for config in early_configs(settings, (0, 1, 2))] == ["talks", "hears"]


def test_nothing_is_made_or_said_before_the_gateway(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert early_configs(load_settings(data_dir=folder), (0, 1, 2)) == ()  # the weights do not lie there yet
    assert not folder.exists()
    only_in_the_database = settings_of(tmp_path, 'load_models = ["renamed"]')
    assert early_configs(only_in_the_database, (0, 1)) == ()


async def test_a_host_that_was_taken_is_the_supervisors_and_another_ends(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (config,) = early_configs(settings, (0, 1))
    async with HeadStart.of(settings) as early:
        assert early.take(EngineConfig("fake", "other", tmp_path, "00", tmp_path)) is None
        (spare,) = early._hosts
        begun = early.take(config)
        assert begun is spare
        assert early.take(config) is None
        host = EngineHost(config, early=begun)
        host.start()
        await host.ready()
        assert host.pid == begun.process.pid
        assert host.restarts == 0
        await host.stop()
        assert not begun.socket.path.parent.exists()
    async with HeadStart.of(settings) as early:
        (spare,) = early._hosts
        process = psutil.Process(spare.process.pid)
    assert ended(process)
    assert not spare.socket.path.parent.exists()


async def test_what_a_host_said_before_it_was_taken_is_heard(tmp_path: Path) -> None:
    begun = await EarlyHost.begin(EngineConfig("nonsense", "fake", tmp_path, "00", tmp_path))
    await begun.process.wait()
    host = EngineHost(begun.config, early=begun)
    host.start()
    try:
        with pytest.raises(EngineFailed, match="unknown engine 'nonsense'"):
            await host.ready()
    finally:
        await host.stop()


def test_the_gateway_starts_the_hosts_of_the_same_configuration(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    (early,) = early_configs(settings, (0, 1))
    snapshot = Catalogue.of(settings).resolve("talks")
    assert engine_config(settings, Deployment(snapshot, None)) == early


def test_a_host_starts_before_the_gateway_is_read(tmp_path: Path) -> None:
    settings_of(tmp_path)
    process = started("-c", SEEN_FIRST, *serve_words(tmp_path), folder=tmp_path)
    said, _ = process.communicate(timeout=30)
    assert said == "talks\n"


@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_stopped_while_it_starts_leaves_nothing(
    tmp_path: Path, number: signal.Signals, background: bool
) -> None:
    settings_of(tmp_path)
    # A shell has its background jobs ignore SIGINT, which they inherit.
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN if background else signal.default_int_handler)
    try:
        process = started("-m", "sayso", *serve_words(tmp_path), folder=tmp_path)
    finally:
        signal.signal(signal.SIGINT, usual)
    gateway = psutil.Process(process.pid)
    until = time.monotonic() + 20
    while not (hosts := gateway.children()):
        assert time.monotonic() < until
        assert process.poll() is None
    process.send_signal(number)
    said, _ = process.communicate(timeout=20)
    assert process.returncode in {0, 130}
    assert "ready" not in said
    assert all(ended(host) for host in hosts)
    assert not list(tmp_path.glob("sayso-*"))


def test_the_gateway_at_rest_holds_nothing_that_it_does_without(tmp_path: Path) -> None:
    first = started("-c", AT_REST, str(tmp_path), folder=tmp_path)
    assert first.communicate(timeout=60)[0].startswith("True")  # the database was made
    later = started("-c", AT_REST, str(tmp_path), folder=tmp_path)
    assert later.communicate(timeout=60)[0] == "False\n"


async def test_where_cores_are_few_a_host_waits_for_the_one_before(tmp_path: Path) -> None:
    hosts = [EngineHost(EngineConfig("fake", name, tmp_path, "00", tmp_path, 4096)) for name in "abc"]
    loading = start_in_turn(hosts, (0, 1))
    try:
        assert [host._task is not None for host in hosts] == [True, False, False]
        await loading
        assert hosts[0].state == "ready"
        await asyncio.gather(*(host.ready() for host in hosts))
    finally:
        await asyncio.gather(*(host.stop() for host in hosts))


async def test_a_host_that_fails_lets_the_others_start(tmp_path: Path) -> None:
    broken = EngineHost(EngineConfig("nonsense", "a", tmp_path, "00", tmp_path))
    sound = EngineHost(EngineConfig("fake", "b", tmp_path, "00", tmp_path, 4096))
    try:
        await start_in_turn([broken, sound], (0, 1))
        await sound.ready()
    finally:
        await asyncio.gather(broken.stop(), sound.stop())
