"""An answer costs the same whole and streamed, with its usage in the stream or without, in every format."""

import io
import json
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.acceptance.running_server import RunningServer
from tests.acceptance.server_books import SECOND, TOKEN, Charged, charged

QUESTION = [{"role": "user", "content": "What is the capital of France? Answer in one word."}]
COUNT = [{"role": "user", "content": "Count from one to ten in words: one, two, three,"}]
JSON = [{"role": "user", "content": "Describe a cat as json."}]
NAMED = {"name": "get_weather"}
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city",
    "parameters": {
        "type": "object",
        "properties": {"city": {"enum": ["Paris", "London"]}, "unit": {"enum": ["celsius", "fahrenheit"]}},
        "required": ["city", "unit"],
        "additionalProperties": False,
    },
}
TOOLS = {"tools": [{"type": "function", "function": WEATHER}]}
SCHEMA = {"type": "json_schema", "json_schema": {"name": "weather", "schema": WEATHER["parameters"]}}
CHATS: dict[str, dict[str, Any]] = {
    "plain": {"messages": QUESTION},
    "one token": {"messages": COUNT, "max_tokens": 1},
    "three choices": {"messages": COUNT, "n": 3, "temperature": 0.8, "seed": 7},
    "stop sequences": {"messages": COUNT, "stop": [" words", "\n\n\n"]},
    "logprobs": {"messages": QUESTION, "logprobs": True},
    "json object": {"messages": JSON, "response_format": {"type": "json_object"}},
    "json schema": {"messages": QUESTION, "response_format": SCHEMA},
    "tools that may be called": {"messages": QUESTION, **TOOLS},
    "a tool that must be called": {"messages": QUESTION, **TOOLS, "tool_choice": "required"},
    "a named tool": {"messages": QUESTION, **TOOLS, "tool_choice": {"type": "function", "function": NAMED}},
    "a function of 2023": {"messages": QUESTION, "functions": [WEATHER], "function_call": NAMED},
}
COMPLETIONS: dict[str, dict[str, Any]] = {
    "plain": {"prompt": "Once upon a time"},
    "two prompts, two choices": {"prompt": ["Once upon", "A lighthouse"], "n": 2},
    "token ids": {"prompt": [1, 504, 338]},
    "echo": {"prompt": "Once upon a time", "echo": True},
    "stop sequences": {"prompt": "one two three four", "stop": ["e", "."]},
}
FORMATS = ("json", "text", "srt", "vtt", "verbose_json")


@pytest.fixture
def http(server: RunningServer) -> Iterator[httpx.Client]:
    headers = {"authorization": f"Bearer {server.key}"}
    with httpx.Client(base_url=server.base_url, headers=headers, timeout=60) as made:
        yield made


def usage_in(stream: str) -> list[dict[str, int]]:
    frames = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    assert stream.endswith("data: [DONE]\n\n")
    return [frame["usage"] for frame in frames if frame.get("usage")]


def check_generated(server: RunningServer, http: httpx.Client, path: str, asked: dict[str, Any]) -> Charged:
    """Ask in three ways; return what one of them cost."""
    body = {"model": "gpt-3.5-turbo", "temperature": 0, "max_tokens": 12, **asked}
    if body["temperature"]:  # a draw may fall otherwise where less of the prompt is in the prefix cache
        http.post(path, json=body)
    whole = http.post(path, json=body)
    silent = http.post(path, json={**body, "stream": True})
    counted = http.post(path, json={**body, "stream": True, "stream_options": {"include_usage": True}})
    assert {answer.status_code for answer in (whole, silent, counted)} == {200}, whole.text
    (usage,) = usage_in(counted.text)
    assert usage_in(silent.text) == []
    said = whole.json()["usage"]
    names = ("prompt_tokens", "completion_tokens", "total_tokens")
    assert [usage[name] for name in names] == [said[name] for name in names]
    paid = [charged(server, answer.headers["x-request-id"]) for answer in (whole, silent, counted)]
    assert {row.outcome for row in paid} == {"completed"}
    assert len({row.quantities for row in paid}) == 1
    first = paid[0]
    assert [first.prompt_tokens, first.completion_tokens] == [said[name] for name in names[:2]]
    assert first.charge == said["total_tokens"] * TOKEN > 0
    assert "settled_over_hold" not in server.log
    return first


@pytest.mark.parametrize("case", CHATS)
def test_a_chat_costs_the_same_whole_and_streamed(
    server: RunningServer, http: httpx.Client, case: str
) -> None:
    paid = check_generated(server, http, "/chat/completions", CHATS[case])
    print(f"{case}: {paid.prompt_tokens} + {paid.completion_tokens} tokens, three times {paid.charge}")


@pytest.mark.parametrize("case", COMPLETIONS)
def test_a_completion_costs_the_same_whole_and_streamed(
    server: RunningServer, http: httpx.Client, case: str
) -> None:
    paid = check_generated(server, http, "/completions", COMPLETIONS[case])
    print(f"{case}: {paid.prompt_tokens} + {paid.completion_tokens} tokens, three times {paid.charge}")


def hear(
    server: RunningServer, http: httpx.Client, endpoint: str, sound: bytes, **fields: str
) -> tuple[httpx.Response, Charged]:
    answer = http.post(
        f"/audio/{endpoint}", data={"model": "whisper-1", **fields}, files={"file": ("a", sound)}
    )
    assert answer.status_code == 200, answer.text
    return answer, charged(server, answer.headers["x-request-id"])


def silence(seconds: float, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(bytes(4 * int(seconds * rate)))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("endpoint", "seconds", "rate", "billed"),
    [("transcriptions", 2.5, 16_000, 3), ("translations", 1.49, 44_100, 1)],
)
def test_audio_costs_its_decoded_seconds_in_every_format(
    server: RunningServer, http: httpx.Client, endpoint: str, seconds: float, rate: int, billed: int
) -> None:
    sound = silence(seconds, rate)
    heard = {f: hear(server, http, endpoint, sound, response_format=f) for f in FORMATS}
    if endpoint == "transcriptions":
        heard["stream"] = hear(server, http, endpoint, sound, stream="true")
        for name in ("json", "verbose_json"):
            assert heard[name][0].json()["usage"] == {"type": "duration", "seconds": billed}
    paid = [row for _, row in heard.values()]
    print(
        f"{endpoint}, {seconds} s: {sorted({row.audio_milliseconds for row in paid})} ms, {len(paid)} times"
    )
    assert {row.charge for row in paid} == {billed * SECOND}
    assert {row.endpoint for row in paid} == {f"audio.{endpoint}"}
    (decoded,) = {row.audio_milliseconds for row in paid}
    assert abs(decoded - seconds * 1_000) <= 1


def test_speech_costs_the_same_whole_and_streamed(
    server: RunningServer, http: httpx.Client, recording: Path
) -> None:
    sound = recording.read_bytes()
    (whole, first), (streamed, second) = (
        hear(server, http, "transcriptions", sound, **fields)
        for fields in ({"response_format": "verbose_json"}, {"stream": "true"})
    )
    assert first.quantities == second.quantities
    assert first.charge == whole.json()["usage"]["seconds"] * SECOND == 11 * SECOND
    assert '"type":"transcript.text.done"' in streamed.text
