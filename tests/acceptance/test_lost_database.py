"""A server on PostgreSQL that goes away and comes back: refusals at once, recovery without a restart."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from sayso.config import Settings
from tests.acceptance.running_server import RunningServer, start_server
from tests.postgresql_server import PASSWORD, PostgresqlServer, binaries, running_postgresql

SCRIPTED = """
load_models = ["scripted"]
[models.scripted]
kind = "chat"
engine = "fake"
"""
BODY = {"model": "scripted", "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
async def database_server(postgresql_server: PostgresqlServer) -> AsyncIterator[PostgresqlServer]:
    """One of this test's own, to be stopped and started."""
    programs = binaries()
    assert programs is not None
    with running_postgresql(programs) as server:
        yield server


def serve(folder: Path, url: str) -> RunningServer:
    (folder / "sayso.toml").write_text(SCRIPTED)
    return start_server(folder, SAYSO_DATABASE_URL=url)


async def timed(client: httpx.AsyncClient, path: str) -> tuple[int, float]:
    begun = time.monotonic()
    answer = await (client.post(path, json=BODY) if path.startswith("/v1/chat") else client.get(path))
    return answer.status_code, time.monotonic() - begun


async def until(client: httpx.AsyncClient, path: str, good: Callable[[int], bool], within: float) -> None:
    async with asyncio.timeout(within):
        while not good((await timed(client, path))[0]):
            pass


async def test_a_lost_database_is_refused_at_once_and_found_again(
    tmp_path: Path, database_server: PostgresqlServer
) -> None:
    server = serve(tmp_path, database_server.over_tcp(database_server.new_database()))
    try:
        headers = {"authorization": f"Bearer {server.key}"}
        async with httpx.AsyncClient(base_url=server.root_url, headers=headers, timeout=10) as client:
            assert (await timed(client, "/v1/chat/completions"))[0] == 200
            assert (await timed(client, "/readyz"))[0] == 200
            for number in (signal.SIGINT, signal.SIGQUIT):
                database_server.stop(number)
                await until(client, "/readyz", lambda status: status == 503, within=2.0)
                # Keys pass from memory for half a second.
                await until(client, "/v1/models", lambda status: status == 503, within=1.0)
                for path in ("/v1/chat/completions", "/v1/models"):
                    status, seconds = await timed(client, path)
                    assert (status, seconds < 1.0) == (503, True)
                refused = await client.post("/v1/chat/completions", json=BODY)
                assert refused.headers["retry-after"] == "1"
                assert refused.json()["error"]["type"] == "server_error"
                assert (await timed(client, "/livez"))[0] == 200
                database_server.start()
                await until(client, "/readyz", lambda status: status == 200, within=5.0)
                assert (await timed(client, "/v1/chat/completions"))[0] == 200
                # An administrator cuts what is open: the next call opens anew.
                database_server.end_connections()
                assert (await timed(client, "/v1/chat/completions"))[0] == 200
    finally:
        assert server.stop() == 0
    assert PASSWORD not in server.log


async def test_a_database_that_is_away_at_the_start_is_named(
    tmp_path: Path, database_server: PostgresqlServer
) -> None:
    url = database_server.new_database()
    wrong = database_server.over_tcp(url, password="not the pass word")
    with pytest.raises(AssertionError, match=r"'database_url'.*password authentication failed"):
        serve(tmp_path, wrong)
    database_server.stop()
    with pytest.raises(AssertionError, match=r"'database_url'") as caught:
        serve(tmp_path, database_server.over_tcp(url))
    assert PASSWORD not in str(caught.value)


def test_the_url_is_shown_nowhere() -> None:
    assert PASSWORD not in repr(Settings(database_url=f"postgresql://sayso:{PASSWORD}@127.0.0.1/sayso"))
