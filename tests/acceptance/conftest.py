"""A real server for the acceptance tests: `sayso serve` in a process of its own, with the real models."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.acceptance.running_server import RunningServer, start_server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The embedded models behind one server that all tests share."""
    folder = tmp_path_factory.mktemp("server")
    (folder / "sayso.toml").write_text('[aliases]\n"gpt-6-astra" = "gpt-3.5-turbo"\n')
    running = start_server(folder)
    try:
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def fake_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """The scripted engine behind a server: for what only needs slow, countable tokens."""
    folder = tmp_path_factory.mktemp("fake-server")
    (folder / "sayso.toml").write_text(FAKE)
    running = start_server(folder)
    try:
        yield running
    finally:
        running.stop()


FAKE = """
load_models = ["slow", "fast", "mock"]
chat_max_concurrency = 4
chat_queue_depth = 2
[models.slow]
kind = "chat"
engine = "fake"
context_length = 4096
script = '{"token_seconds": 0.02}'
[models.fast]
kind = "chat"
engine = "fake"
context_length = 4096
[models.mock]
kind = "chat"
engine = "mock"
script = '{"reply": "As you like it."}'
"""


@pytest.fixture
def client(server: RunningServer) -> Iterator[OpenAI]:
    """OpenAI's own client, as a developer would make it."""
    with OpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as made:
        yield made


@pytest.fixture
async def async_client(server: RunningServer) -> AsyncIterator[AsyncOpenAI]:
    """The same, asynchronous."""
    async with AsyncOpenAI(base_url=server.base_url, api_key=server.key, max_retries=0) as made:
        yield made


@pytest.fixture
def recording(speech_folder: Path) -> Path:
    """A short English recording."""
    return speech_folder / "en" / "jfk" / "jfk.mp3"
