"""An engine host that is killed, and a server that is asked to stop."""

import asyncio
import signal
import time
from pathlib import Path

import httpx
import pytest
from openai import APIError, AsyncOpenAI, InternalServerError

from tests.acceptance.conftest import FAKE
from tests.acceptance.running_server import RunningServer, start_server

STORY = "Write a long story about a lighthouse keeper."


@pytest.fixture
def own_server(tmp_path: Path) -> RunningServer:
    (tmp_path / "sayso.toml").write_text(FAKE)
    return start_server(tmp_path, SAYSO_DRAIN_SECONDS="3")


async def test_a_killed_chat_engine_ends_streams_with_an_error_and_comes_back(
    server: RunningServer, async_client: AsyncOpenAI
) -> None:
    stream = await async_client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "user", "content": STORY}],
        max_tokens=1500,
        temperature=0,
        stream=True,
    )
    async for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    server.hosts()["openvino"].kill()
    killed = time.monotonic()
    with pytest.raises(APIError, match="engine"):
        async for _ in stream:
            pass
    assert time.monotonic() - killed < 2.0

    # The other engine never noticed, and the killed one answers again.
    async with httpx.AsyncClient(base_url=server.root_url, timeout=30) as http:
        assert (await http.get("/livez")).status_code == 200
        reasons = (await http.get("/readyz")).json()["reasons"]
        assert reasons["whisper-base"] == ""
        async with asyncio.timeout(60):
            while (await http.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.2)
    answer = await async_client.chat.completions.create(
        model="gpt-3.5-turbo", messages=[{"role": "user", "content": "Hi"}], max_tokens=4
    )
    assert answer.usage
    assert answer.usage.completion_tokens >= 1


async def test_requests_while_the_engine_is_down_are_told_to_come_back(own_server: RunningServer) -> None:
    try:
        async with AsyncOpenAI(base_url=own_server.base_url, api_key=own_server.key, max_retries=0) as client:
            for process in own_server.all_hosts():
                process.kill()
            with pytest.raises(InternalServerError) as caught:
                await client.chat.completions.create(
                    model="fast", messages=[{"role": "user", "content": "Hi"}]
                )
            assert caught.value.status_code in {500, 503}
    finally:
        assert own_server.stop() == 0


async def test_sigterm_lets_a_running_answer_finish(own_server: RunningServer) -> None:
    async with AsyncOpenAI(base_url=own_server.base_url, api_key=own_server.key, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="slow", messages=[{"role": "user", "content": "word " * 60}], stream=True
        )
        words = 0
        async for chunk in stream:
            words += bool(chunk.choices[0].delta.content)
            if words == 3:
                own_server.process.send_signal(signal.SIGTERM)
                await refuses_new_work(own_server)
        assert words == 60
        assert chunk.choices[0].finish_reason == "stop"
    assert own_server.stop() == 0


async def refuses_new_work(own_server: RunningServer) -> None:
    async with httpx.AsyncClient(base_url=own_server.root_url) as http, asyncio.timeout(1):
        while (await http.get("/readyz")).status_code != 503:
            pass
        headers = {"authorization": f"Bearer {own_server.key}"}
        refused = await http.get("/v1/models", headers=headers)
        assert refused.status_code == 503
        assert "retry-after" in refused.headers


async def test_an_answer_longer_than_the_drain_ends_with_an_error_event(own_server: RunningServer) -> None:
    async with AsyncOpenAI(base_url=own_server.base_url, api_key=own_server.key, max_retries=0) as client:
        stream = await client.chat.completions.create(
            model="slow", messages=[{"role": "user", "content": "word " * 1000}], stream=True
        )
        async for chunk in stream:
            if chunk.choices[0].delta.content:
                break
        begun = time.monotonic()
        own_server.process.send_signal(signal.SIGTERM)
        with pytest.raises(APIError, match="engine"):
            async for _ in stream:
                pass
        assert 2.5 < time.monotonic() - begun < 6.0
    assert own_server.stop() == 0


def test_a_later_start_makes_no_key_and_touches_no_weights(tmp_path: Path) -> None:
    first = start_server(tmp_path)
    assert first.key
    assert first.stop() == 0
    weights = {path: path.stat().st_mtime_ns for path in (tmp_path / "models").rglob("*") if path.is_file()}
    assert any(path.suffix == ".gguf" for path in weights)
    again = start_server(tmp_path)
    try:
        assert again.key == ""
        assert {path: path.stat().st_mtime_ns for path in weights} == weights
    finally:
        assert again.stop() == 0


def test_an_unknown_setting_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "sayso.toml").write_text("prot = 8000\n")
    with pytest.raises(AssertionError, match="unknown setting 'prot'"):
        start_server(tmp_path)
