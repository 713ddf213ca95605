"""What callers send never reaches the log, whatever goes wrong."""

from importlib.resources import files
from typing import Any

import httpx
import pytest

from tests.acceptance.running_server import RunningServer

CANARY = "xylophone-4711-canary"
MESSAGE = {"role": "user", "content": CANARY, "name": CANARY}
MODEL = "gpt-3.5-turbo"


def chat(**more: Any) -> tuple[str, dict[str, Any]]:
    return "/chat/completions", {"json": {"model": MODEL, "messages": [MESSAGE], "max_tokens": 2, **more}}


def speech(content: bytes, **more: str) -> tuple[str, dict[str, Any]]:
    fields = {"data": {"model": "whisper-1", **more}, "files": {"file": (CANARY, content)}}
    return "/audio/transcriptions", fields


def spoken() -> bytes:
    return files("sayso.inference").joinpath("probe.wav").read_bytes()


REQUESTS: dict[str, tuple[int, tuple[str, dict[str, Any]]]] = {
    "good chat": (200, chat()),
    "unknown model": (404, chat(model=CANARY)),
    "messages of the wrong type": (400, chat(messages=CANARY)),
    "unknown role": (400, chat(messages=[{"role": CANARY, "content": CANARY}])),
    "bad stop": (400, chat(stop=[CANARY] * 5)),
    "bad schema": (400, chat(response_format={"type": CANARY})),
    "broken JSON": (400, ("/chat/completions", {"content": b'{"model": "' + CANARY.encode()})),
    "completion": (200, ("/completions", {"json": {"model": MODEL, "prompt": CANARY, "max_tokens": 2}})),
    "unknown path": (404, (f"/{CANARY}", {"json": {}})),
    "good speech": (200, speech(spoken(), prompt=CANARY)),
    "no audio": (400, speech(CANARY.encode())),
    "bad language": (400, speech(spoken(), language=CANARY)),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_what_is_sent_stays_out_of_the_log(server: RunningServer, name: str) -> None:
    status, (path, body) = REQUESTS[name]
    headers = {"authorization": f"Bearer {server.key}"}
    answer = httpx.post(server.base_url + path, headers=headers, timeout=60, **body)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert set(answer.json()["error"]) == {"message", "type", "param", "code"}
    log = server.log_with(answer.headers["x-request-id"])
    assert CANARY not in log
    assert "xylophone" not in log
    assert server.key not in log


def test_a_wrong_key_stays_out_of_the_log(server: RunningServer) -> None:
    headers = {"authorization": f"Bearer {CANARY}"}
    answer = httpx.post(f"{server.base_url}/chat/completions", headers=headers, json={})
    assert answer.status_code == 401
    assert CANARY not in server.log_with(answer.headers["x-request-id"])
