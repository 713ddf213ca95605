"""Requests that skip FastAPI's layers are answered as they would be with them."""

import json
import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sayso.api.direct_route import DirectApi

CHAT = {"model": "gpt-3.5-turbo", "messages": [{"role": "user", "content": "one two"}]}
JSON = {"content-type": "application/json"}
REQUESTS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "whole": ("POST", "/v1/chat/completions", {"json": CHAT}),
    "streamed": ("POST", "/v1/chat/completions", {"json": {**CHAT, "stream": True}}),
    "no such model": ("POST", "/v1/chat/completions", {"json": {**CHAT, "model": "none"}}),
    "a wrong field": ("POST", "/v1/chat/completions", {"json": {**CHAT, "temperature": "hot"}}),
    "no JSON": (
        "POST",
        "/v1/completions",
        {"content": b"{", "headers": {"content-type": "application/json"}},
    ),
    "no form": ("POST", "/v1/audio/transcriptions", {"json": {}}),
    "another method": ("DELETE", "/v1/chat/completions", {}),
    "another path": ("POST", "/v1/chat/completion", {"json": CHAT}),
    "no key": ("POST", "/v1/chat/completions", {"json": CHAT, "headers": {"authorization": "none"}}),
}
CHANGING = re.compile(r"(chatcmpl-|req_|cmpl-)[0-9a-zA-Z]+|\"created\":\d+")


def essence(answer: httpx.Response) -> tuple[int, dict[str, str], str]:
    skipped = ("x-request-id", "openai-processing-ms", "date", "content-length")
    headers = {name: value for name, value in answer.headers.items() if name not in skipped}
    return answer.status_code, headers, CHANGING.sub("*", answer.text)


@pytest.mark.parametrize("name", REQUESTS)
async def test_the_answer_is_the_same(make_world: Callable[..., Any], name: str) -> None:
    world = make_world()
    assert isinstance(world.app, DirectApi)
    method, path, content = REQUESTS[name]
    answers = []
    direct = world.app.direct
    for way in (direct, None):
        world.app.direct = way
        async with world.client() as client:
            answers.append(essence(await client.request(method, path, **content)))
    assert answers[0] == answers[1]
    assert ("another" in name) == ((method, path) not in world.app.direct_keys)


async def test_it_is_counted_under_its_route(make_world: Callable[..., Any]) -> None:
    world = make_world()
    async with world.client() as client:
        answer = await client.post("/v1/chat/completions", json=CHAT)
    assert answer.status_code == 200, json.dumps(answer.json())
    assert world.metrics.requests[-1] == ("POST", "/v1/chat/completions", 200)
