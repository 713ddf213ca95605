"""What a developer does first, with OpenAI's own client against the real models."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from openai import BadRequestError, OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
from pydantic import BaseModel

from tests.acceptance.running_server import RunningServer

QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "user", "content": "What is the capital of France? Answer in one word."}
]
WEATHER: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}


class Person(BaseModel):
    name: str
    age: int


def test_chat_whole_and_streamed_agree(client: OpenAI) -> None:
    whole = client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=QUESTION,
        temperature=0,
        max_tokens=16,
    )
    assert "Paris" in (whole.choices[0].message.content or "")
    assert whole.system_fingerprint
    assert whole.usage is not None
    stream = client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=QUESTION,
        temperature=0,
        max_tokens=16,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = list(stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    usages = [chunk.usage for chunk in chunks if chunk.usage]
    assert len(usages) == 1
    assert usages[0].prompt_tokens == whole.usage.prompt_tokens
    assert usages[0].completion_tokens == whole.usage.completion_tokens


def test_required_tool_call_fits_its_schema(client: OpenAI) -> None:
    answer = client.chat.completions.create(
        model="gpt-3.5-turbo",
        messages=[{"role": "user", "content": "What is the weather in Rome?"}],
        tools=[WEATHER],
        tool_choice="required",
        temperature=0,
        max_tokens=96,
    )
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls or []
    assert calls[0].type == "function"
    arguments = json.loads(calls[0].function.arguments)
    assert set(arguments) == {"city", "unit"}
    assert arguments["unit"] in {"celsius", "fahrenheit"}


def test_parse_gives_the_model_asked_for(client: OpenAI) -> None:
    parsed = client.chat.completions.parse(
        model="gpt-3.5-turbo",
        messages=[{"role": "user", "content": "Anna is 31 years old. Give her name and age as JSON."}],
        response_format=Person,
        temperature=0,
        max_tokens=96,
    )
    person = parsed.choices[0].message.parsed
    assert isinstance(person, Person)


def test_context_overflow_states_both_numbers(client: OpenAI) -> None:
    with pytest.raises(BadRequestError) as caught:
        client.chat.completions.create(
            model="gpt-3.5-turbo", messages=[{"role": "user", "content": "word " * 9000}]
        )
    assert caught.value.code == "context_length_exceeded"
    assert "8192" in caught.value.message
    assert "90" in caught.value.message


def test_models_show_aliases_and_snapshots(client: OpenAI) -> None:
    ids = {model.id for model in client.models.list()}
    assert {"gpt-3.5-turbo", "gpt-3.5-turbo-0301", "whisper-1", "whisper-base", "gpt-6-astra"} <= ids
    assert client.models.retrieve("gpt-6-astra").id == "gpt-6-astra"


def test_curl_answers(server: RunningServer) -> None:
    body = json.dumps({"model": "gpt-3.5-turbo", "messages": QUESTION, "max_tokens": 4, "stream": True})
    command = ["curl", "-sN", f"{server.base_url}/chat/completions", "-d", body]
    command += ["-H", f"Authorization: Bearer {server.key}", "-H", "Content-Type: application/json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    assert answer.startswith('data: {"id":"chatcmpl-')
    assert answer.endswith("data: [DONE]\n\n")


@pytest.mark.speech
def test_five_formats_of_one_recording(client: OpenAI, recording: Path) -> None:
    content = recording.read_bytes()

    def transcribe(response_format: Any, **more: Any) -> Any:
        return client.audio.transcriptions.create(
            model="whisper-1", file=("speech.mp3", content), response_format=response_format, **more
        )

    plain = transcribe("json")
    text = plain.text.strip()
    assert "ask not what your country can do for you" in text
    assert str(transcribe("text")).strip() == text
    assert str(transcribe("srt")).startswith("1\n00:00:0")
    assert str(transcribe("vtt")).startswith("WEBVTT\n\n")
    verbose = transcribe("verbose_json", timestamp_granularities=["word", "segment"])
    assert verbose.language == "english"
    assert [word.word for word in verbose.words]
    assert all(segment.avg_logprob < 0 for segment in verbose.segments)


@pytest.mark.speech
def test_streamed_transcript_joins_to_the_whole(client: OpenAI, recording: Path) -> None:
    content = recording.read_bytes()
    whole = client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", content))
    events = list(client.audio.transcriptions.create(model="whisper-1", file=("a.mp3", content), stream=True))
    deltas = "".join(event.delta for event in events if event.type == "transcript.text.delta")
    done = events[-1]
    assert done.type == "transcript.text.done"
    assert done.text == deltas.strip() == whole.text


@pytest.mark.speech
def test_spanish_is_translated_into_english(server: RunningServer, speech_folder: Path) -> None:
    manifest = [json.loads(line) for line in (speech_folder / "manifest.jsonl").read_text().splitlines()]
    row = next(
        row
        for row in manifest
        if row["language"] == "es" and row["english_translation"] and row["kind"] == "read"
    )
    command = ["curl", "-s", f"{server.base_url}/audio/translations", "-F", "model=whisper-1"]
    command += ["-F", f"file=@{speech_folder / row['path']}", "-H", f"Authorization: Bearer {server.key}"]
    answer = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    words = set(json.loads(answer)["text"].lower().replace(".", "").split())
    wanted = set(row["english_translation"].lower().replace(".", "").split())
    assert len(words & wanted) >= len(wanted) / 3, (words, wanted)


def test_readiness_is_a_real_generation(server: RunningServer) -> None:
    command = ["curl", "-s", f"{server.root_url}/readyz"]
    answer = json.loads(subprocess.run(command, capture_output=True, check=True, timeout=60).stdout)
    assert answer["status"] == "ready"
    assert set(answer["reasons"]) == {"database", "smollm2-135m-instruct-q4_1", "whisper-base"}
