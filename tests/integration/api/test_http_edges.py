"""What holds for every request: headers, errors, keys, limits, draining, and a log that tells nothing."""

import io
import json
import logging
import re
import time
from collections.abc import AsyncGenerator, Iterator
from typing import Any

import httpx
import pytest

from sayso.api.services import Limits
from sayso.core.chat import ChatEvent, ChatRequest, Started
from sayso.engines.base import EngineInfo
from sayso.telemetry.logging import configure_logging

CHAT = "/v1/chat/completions"
BODY = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "one two"}]}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Everything that is logged, in the form that an operator sees."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level)
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    yield stream
    root.handlers[:], level = before
    root.setLevel(level)


def error(response: httpx.Response) -> dict[str, Any]:
    assert response.headers["content-type"] == "application/json"
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    found: dict[str, Any] = body["error"]
    return found


async def test_headers_of_an_answer(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=BODY, headers={"x-request-id": "mine"})
    assert response.status_code == 200
    assert re.fullmatch(r"req_[0-9a-f]{32}", response.headers["x-request-id"])
    assert response.headers["openai-version"] == "2020-10-01"
    assert response.headers["openai-organization"] == "acme"
    assert response.headers["openai-processing-ms"].isdigit()
    assert response.headers["access-control-expose-headers"] == "X-Request-ID"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("POST", "/v1/x", 404, "unknown_url"),
        ("GET", "/v1/models/", 404, "unknown_url"),
        ("GET", "/v1/chat/completions/", 404, "unknown_url"),
        ("GET", "/docs/nothing", 404, "unknown_url"),
        ("POST", "/v1/responses", 404, "unknown_url"),
        ("PUT", "/v1/chat/completions", 405, "method_not_supported"),
        ("GET", "/v1/completions", 405, "method_not_supported"),
        ("GET", "/v1/models/nothing", 404, "model_not_found"),
        ("DELETE", "/v1/models/nothing", 404, "model_not_found"),
        ("DELETE", "/v1/models/gpt-3.5-turbo", 403, "insufficient_permissions"),
    ],
)
async def test_no_such_thing(
    client: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == status
    assert error(response)["code"] == code
    assert response.headers["x-request-id"]
    if code == "unknown_url":
        assert error(response)["message"] == f"Invalid URL ({method} {path})"


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer  ", "Basic abc", "sk-test"])
async def test_without_a_key(make_world: Any, header: str | None) -> None:
    async with make_world().client(None) as client:
        headers = {} if header is None else {"authorization": header}
        response = await client.post(CHAT, content=b"not json", headers=headers)
    assert response.status_code == 401
    assert error(response)["code"] is None
    assert error(response)["message"].startswith("You didn't provide an API key.")
    assert response.headers["www-authenticate"] == "Bearer"


async def test_a_wrong_key_is_refused_before_the_body_is_read(make_world: Any) -> None:
    read = False

    async def content() -> AsyncGenerator[bytes, None]:
        nonlocal read
        read = True
        yield b"{}"

    async with make_world().client("sk-wrong") as client:
        response = await client.post(CHAT, content=content())
    assert (response.status_code, error(response)["code"]) == (401, "invalid_api_key")
    assert not read


async def test_a_foreign_organization_header(client: httpx.AsyncClient) -> None:
    response = await client.post(CHAT, json=BODY, headers={"openai-organization": "org_2"})
    assert (response.status_code, error(response)["code"]) == (401, "mismatched_organization")
    assert (await client.post(CHAT, json=BODY, headers={"openai-organization": "org_1"})).is_success


NASTY = {
    "empty": b"",
    "word": b"hello",
    "array": b"[]",
    "string": b'"x"',
    "nan": b'{"model":"gpt-3.5-turbo","messages":[],"temperature":NaN}',
    "infinity": b'{"temperature":1e999}',
    "surrogate": b'{"model":"\\ud800"}',
    "utf-16": '{"model":"x"}'.encode("utf-16"),
    "raw surrogate": b'{"model":"\xed\xa0\x80"}',
    "bom": b"\xef\xbb\xbf{}",
    "nul": b'{"model":"gpt-3.5-turbo","messages":[{"role":"user","content":"a\\u0000b"}]}',
    "nul key": b'{"a\\u0000":1}',
    "huge integer": b'{"model":"gpt-3.5-turbo","n":' + b"9" * 5000 + b"}",
    "big integer": b'{"model":"gpt-3.5-turbo","messages":[{"role":"user","content":"x"}],"seed":'
    + b"9" * 30
    + b"}",
    "deep": b"[" * 100_000 + b"]" * 100_000,
    "deep object": b'{"a":' * 5000 + b"1" + b"}" * 5000,
    "cut": b'{"model":"gpt-3.5-turbo","messages":[{"role"',
    "many wrong": b'{"model":"m","messages":[' + b",".join([b"1"] * 500_000) + b"]}",
}


@pytest.mark.parametrize("name", NASTY)
async def test_nasty_bodies_are_refused_quickly(client: httpx.AsyncClient, name: str) -> None:
    begun = time.perf_counter()
    response = await client.post(CHAT, content=NASTY[name])
    assert response.status_code == 400, response.text
    assert error(response)["type"] == "invalid_request_error"
    assert len(response.content) < 600
    assert time.perf_counter() - begun < 1.0


async def test_an_escaped_backslash_is_no_nul(client: httpx.AsyncClient) -> None:
    body = {**BODY, "messages": [{"role": "user", "content": "a\\u0000b"}]}
    response = await client.post(CHAT, json=body)
    assert response.json()["choices"][0]["message"]["content"] == "a\\u0000b"


async def test_a_body_over_the_limit_is_counted_not_believed(make_world: Any) -> None:
    read = 0

    async def content() -> AsyncGenerator[bytes, None]:
        nonlocal read
        for _ in range(100):
            read += 1000
            yield b" " * 1000

    world = make_world(limits=Limits(max_body_bytes=5000))
    async with world.client() as client:
        for headers in (
            {},
            {"content-length": "-1"},
            {"content-length": "10"},
            {"content-length": "99999999"},
        ):
            read = 0
            response = await client.post(CHAT, content=content(), headers=headers)
            assert response.status_code == 413
            assert "5000" in error(response)["message"]
            assert read == 6000


async def test_draining_refuses_new_work_but_answers_probes(make_world: Any) -> None:
    world = make_world()
    world.health.draining = True
    async with world.client() as client:
        response = await client.post(CHAT, json=BODY)
        assert response.status_code == 503
        assert error(response)["type"] == "server_error"
        assert response.headers["connection"] == "close"
        assert int(response.headers["retry-after"]) >= 1
        assert (await client.get("/livez")).status_code == 200
        assert (await client.get("/readyz")).status_code == 503


async def test_probes_and_metrics_need_no_key(make_world: Any) -> None:
    world = make_world()
    async with world.client(None) as client:
        assert (await client.get("/readyz")).json() == {"status": "ready", "reasons": {}}
        world.health.reasons["fake-chat"] = "loading"
        response = await client.get("/readyz")
        assert (response.status_code, response.json()["reasons"]) == (503, {"fake-chat": "loading"})
        page = await client.get("/metrics")
        assert page.headers["content-type"].startswith("text/plain")
        assert page.text == "sayso_up 1\n"


class BrokenEngine:
    """Fails in a way that nobody foresaw, with the prompt in the exception."""

    async def info(self) -> EngineInfo:
        return EngineInfo("fp")

    async def chat(self, request: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        if request.messages:
            raise RuntimeError(f"could not parse {request.messages[0].content}")
        yield Started(0)


async def test_an_unforeseen_fault_tells_nothing(make_world: Any, log: io.StringIO) -> None:
    world = make_world(chat=BrokenEngine())
    async with world.client() as client:
        for stream in (False, True):
            response = await client.post(CHAT, json={**BODY, "stream": stream})
            assert response.status_code == 500
            assert error(response)["type"] == "server_error"
            assert "one two" not in response.text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    faults = [line for line in lines if line["event"] == "fault"]
    assert len(faults) == 2
    assert "RuntimeError" in faults[0]["error"]
    assert "one two" not in log.getvalue()


async def test_one_line_and_one_count_per_request_without_content(make_world: Any, log: io.StringIO) -> None:
    world = make_world()
    async with world.client() as client:
        await client.post(CHAT, json={**BODY, "messages": [{"role": "user", "content": "secret-prompt"}]})
        await client.post(CHAT, json={"model": "secret-model"})
        await client.get("/v1/models/secret-id")
        await client.get("/secret/path?secret=query")
        await client.post("/v1/audio/transcriptions", files={"file": ("secret.wav", b"secret-sound")})
    assert world.metrics.requests == [
        ("POST", CHAT, 200),
        ("POST", CHAT, 400),
        ("GET", "/v1/models/{model:path}", 404),
        ("GET", "unmatched", 404),
        ("POST", "/v1/audio/transcriptions", 400),
    ]
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["method"], line["route"], line["status"]) for line in requests] == world.metrics.requests
    assert {line["key_id"] for line in requests} == {"key_1", "-"}
    assert "secret" not in log.getvalue()
    assert "sk-test" not in log.getvalue()


async def test_models(client: httpx.AsyncClient) -> None:
    body = (await client.get("/v1/models")).json()
    assert body["object"] == "list"
    ids = [model["id"] for model in body["data"]]
    assert {"gpt-3.5-turbo", "fake-chat", "whisper-1", "ft:gpt/x:acme"} <= set(ids)
    assert all(isinstance(model["created"], int) for model in body["data"])
    for path in ("/v1/models/ft:gpt/x:acme", "/v1/models/ft%3Agpt%2Fx%3Aacme"):
        assert (await client.get(path)).json()["id"] == "ft:gpt/x:acme"
