"""The engines that the contract suites run over, each opened the way the product opens it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sayso.engines.base import ChatEngine, EngineInfo, SpeechEngine
from sayso.engines.config import EngineConfig
from sayso.engines.fake import FakeEngine, Script
from sayso.engines.hosted import HostedChatEngine, HostedSpeechEngine
from sayso.engines.supervisor import EngineHost
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.engines.upstream.connection import Connection, Endpoint
from sayso.engines.upstream.speech import UpstreamSpeechEngine
from tests.acceptance.running_server import RunningServer, read_metric, start_server

SLOW = '{"token_seconds": 0.002}'
SECOND = f"""
load_models = ["scripted", "scripted-speech"]
vendor_extras = "reject"
[models.scripted]
kind = "chat"
engine = "fake"
context_length = 4096
script = '{SLOW}'
[models.scripted-speech]
kind = "speech"
engine = "fake"
script = '{SLOW}'
"""


@dataclass(frozen=True)
class ChatSubject:
    """A chat engine under test; `running` counts its open requests, `keeps_types` that no wire is between."""

    engine: ChatEngine
    running: Callable[[], Awaitable[int]]
    keeps_types: bool


@dataclass(frozen=True)
class SpeechSubject:
    """A speech engine under test; `real` says that it hears words."""

    engine: SpeechEngine
    running: Callable[[], Awaitable[int]]
    real: bool


def chat_subjects() -> list[str]:
    """Name every chat engine."""
    return ["fake", "fake-hosted", "openvino-hosted", "upstream"]


def speech_subjects() -> list[str]:
    """Name every speech engine."""
    return ["fake", "fake-hosted", "whisper-hosted", "upstream"]


@asynccontextmanager
async def open_chat_subject(request: pytest.FixtureRequest) -> AsyncIterator[ChatSubject]:
    """Open the engine that the parameter names."""
    if request.param == "fake":
        fake = FakeEngine(Script(token_seconds=0.002))
        yield ChatSubject(fake, _count(fake), True)
        return
    if request.param == "upstream":
        with second_sayso(request) as server:
            connection = Connection(Endpoint(server.base_url, api_key=server.key))
            engine = UpstreamChatEngine(connection, "scripted", EngineInfo("fp", 4096))
            yield ChatSubject(engine, _in_flight(server, "scripted"), False)
            await connection.close()
        return
    if request.param == "fake-hosted":
        config = _config("fake", Path("/"), 4096, script=SLOW)
    else:
        config = _config("openvino", request.getfixturevalue("smollm2_folder"), 8192)
    async with open_host(config, request.getfixturevalue("shared_cache")) as host:
        yield ChatSubject(HostedChatEngine(host), _running(host), True)


@asynccontextmanager
async def open_speech_subject(request: pytest.FixtureRequest) -> AsyncIterator[SpeechSubject]:
    """Open the engine that the parameter names."""
    if request.param == "fake":
        fake = FakeEngine(Script(token_seconds=0.002))
        yield SpeechSubject(fake, _count(fake), False)
        return
    if request.param == "upstream":
        with second_sayso(request) as server:
            connection = Connection(Endpoint(server.base_url, api_key=server.key))
            speech = UpstreamSpeechEngine(connection, "scripted-speech", EngineInfo("fp"))
            yield SpeechSubject(speech, _in_flight(server, "scripted-speech"), False)
            await connection.close()
        return
    real = request.param == "whisper-hosted"
    if real:
        config = _config("whisper", request.getfixturevalue("whisper_base_folder"), 0)
    else:
        config = _config("fake", Path("/"), 0, script=SLOW)
    cache = request.getfixturevalue("tmp_path_factory").mktemp("cache")
    async with open_host(config, cache) as host:
        yield SpeechSubject(HostedSpeechEngine(host), _running(host), real)


@asynccontextmanager
async def open_host(config: EngineConfig, cache: Path) -> AsyncIterator[EngineHost]:
    """Run a host process for the length of the block."""
    host = EngineHost(replace(config, cache_dir=cache))
    host.start()
    try:
        await host.ready()
        yield host
    finally:
        await host.stop()


@contextmanager
def second_sayso(request: pytest.FixtureRequest) -> Iterator[RunningServer]:
    """Run a whole server with scripted engines, to be the upstream of the first."""
    folder: Path = request.getfixturevalue("tmp_path_factory").mktemp("second")
    (folder / "sayso.toml").write_text(SECOND)
    server = start_server(folder)
    try:
        yield server
    finally:
        server.stop()


def _in_flight(server: RunningServer, model: str) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return int(await read_metric(server, "sayso_in_flight", model=model))

    return count


def _config(engine: str, folder: Path, context_length: int, script: str = "") -> EngineConfig:
    return EngineConfig(engine, f"test-{engine}", folder, "00", Path(), context_length, script=script)


def _count(fake: FakeEngine) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return fake.running

    return count


def _running(host: EngineHost) -> Callable[[], Awaitable[int]]:
    async def count() -> int:
        return (await host.load()).running

    return count
