"""Uploads end to end, with PCM for a container so that no decoder has a say."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import orjson
import pytest

from sayso.api.services import Limits
from sayso.core.speech import Audio, LanguageProbability, Segment, SpeechEvent, SpeechRequest, SpeechStarted
from sayso.core.usage import AudioUsage
from sayso.engines.base import EngineInfo
from sayso.engines.fake import FakeEngine, Script

TRANSCRIPTIONS = "/v1/audio/transcriptions"
TRANSLATIONS = "/v1/audio/translations"
LANGUAGES = "/v1/audio/languages"
TWO_SECONDS = b"PCM" + bytes(2 * 32_000)


async def post(
    client: httpx.AsyncClient, path: str = TRANSCRIPTIONS, content: bytes = TWO_SECONDS, **fields: Any
) -> httpx.Response:
    return await client.post(path, files={"file": ("upload", content)}, data={"model": "whisper-1", **fields})


@pytest.mark.parametrize(
    ("name", "kind", "body"),
    [
        ("json", "application/json", '{"text":"word word","usage":{"type":"duration","seconds":2}}'),
        ("text", "text/plain; charset=utf-8", "word word\n"),
        ("srt", "text/plain; charset=utf-8", "1\n00:00:00,000 --> 00:00:01,000\nword\n"),
        ("vtt", "text/plain; charset=utf-8", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nword\n"),
        ("verbose_json", "application/json", '{"task":"transcribe","language":"english","duration":2.0'),
    ],
)
async def test_formats(client: httpx.AsyncClient, name: str, kind: str, body: str) -> None:
    response = await post(client, response_format=name)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == kind
    assert response.text.startswith(body)


async def test_words_only_when_asked(client: httpx.AsyncClient) -> None:
    plain = (await post(client, response_format="verbose_json")).json()
    assert "words" not in plain
    both: dict[str, Any] = {
        "response_format": "verbose_json",
        "timestamp_granularities[]": ["word", "segment"],
    }
    full = (await post(client, **both)).json()
    assert [word["word"] for word in full["words"]] == ["word", "word"]
    assert len(full["segments"]) == 2
    both["timestamp_granularities[]"] = ["word"]
    assert "segments" not in (await post(client, **both)).json()


async def test_coverage_only_when_asked(client: httpx.AsyncClient) -> None:
    assert "coverage" not in (await post(client, response_format="verbose_json")).json()
    for path in (TRANSCRIPTIONS, TRANSLATIONS):
        body = (await post(client, path, response_format="verbose_json", coverage="true")).json()
        assert sum(span["samples"] for span in body["coverage"]) == body["duration"] * 16_000
    refused = await post(client, response_format="json", coverage="true")
    assert (refused.status_code, refused.json()["error"]["param"]) == (400, "coverage")


async def test_a_translation(client: httpx.AsyncClient) -> None:
    assert (await post(client, TRANSLATIONS)).json() == {"text": "word word"}


async def test_languages(make_world: Any) -> None:
    world = make_world()
    async with world.client() as client:
        assert (await post(client, LANGUAGES)).json() == {
            "object": "audio.languages",
            "languages": [
                {"language": "en", "name": "english", "probability": 0.9},
                {"language": "de", "name": "german", "probability": 0.1},
            ],
            "duration": 2.0,
            "usage": {"type": "duration", "seconds": 2},
        }
        assert len((await post(client, LANGUAGES, limit="1")).json()["languages"]) == 1
    assert [event.usage for event in world.ledger.events] == [AudioUsage(32_000)] * 2


async def test_a_stream(client: httpx.AsyncClient) -> None:
    response = await post(client, stream="true")
    assert response.headers["content-type"].startswith("text/event-stream")
    *frames, done = [line.removeprefix("data: ") for line in response.text.split("\n\n") if line]
    assert done == "[DONE]"
    assert [orjson.loads(frame)["type"] for frame in frames] == [
        "transcript.text.delta",
        "transcript.text.delta",
        "transcript.text.done",
    ]


@pytest.mark.parametrize(
    ("content", "code", "param"),
    [
        (b"", "audio_too_short", "file"),
        (b"PCM" + bytes(3198), "audio_too_short", "file"),
        (b"RIFF", None, None),
    ],
)
async def test_no_audio(
    client: httpx.AsyncClient, content: bytes, code: str | None, param: str | None
) -> None:
    response = await post(client, content=content)
    assert response.status_code == 400
    assert (response.json()["error"]["code"], response.json()["error"]["param"]) == (code, param)


async def test_a_tenth_of_a_second_is_enough(client: httpx.AsyncClient) -> None:
    assert (await post(client, content=b"PCM" + bytes(3200))).status_code == 200


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, TRANSLATIONS, LANGUAGES])
async def test_what_is_missing_is_named(client: httpx.AsyncClient, path: str) -> None:
    response = await client.post(path, data={"model": "whisper-1"}, files={"other": (None, b"x")})
    assert response.json()["error"]["param"] == "file"
    response = await client.post(path, files={"file": ("x", TWO_SECONDS)})
    assert response.json()["error"] == {
        "message": "Missing required parameter: 'model'.",
        "type": "invalid_request_error",
        "param": "model",
        "code": "missing_required_parameter",
    }
    response = await post(client, path, model="gpt-3.5-turbo")
    assert response.json()["error"]["code"] == "model_not_supported"
    kinds: list[dict[str, Any]] = [{"json": {"model": "whisper-1"}}, {"data": {"model": "whisper-1"}}]
    for kwargs in kinds:
        response = await client.post(path, **kwargs)
        assert response.status_code == 400


async def test_fields_are_checked_before_the_audio_is_decoded(make_world: Any) -> None:
    world = make_world()
    async with world.client() as client:
        wrong: list[dict[str, Any]] = [{"temperature": "2"}, {"model": "nothing"}]
        wrong += [{"language": "xx"}, {"language": "fr"}]
        for fields in wrong:
            assert not (await post(client, **fields)).is_success
    assert world.decoder.decoded == 0


async def test_an_upload_over_the_limit(make_world: Any) -> None:
    world = make_world(limits=Limits(max_upload_bytes=100_000))
    async with world.client() as client:
        response = await post(client, content=TWO_SECONDS + bytes(100_000))
        assert response.status_code == 413
        error = response.json()["error"]
        assert (error["type"], error["code"], error["param"]) == ("server_error", None, None)
        assert "100000" in error["message"]
        assert (await post(client, content=TWO_SECONDS)).status_code == 200


@pytest.mark.parametrize("path", [TRANSCRIPTIONS, TRANSLATIONS, LANGUAGES])
async def test_nothing_is_decoded_for_an_engine_that_is_full(make_world: Any, path: str) -> None:
    world = make_world(speech=FakeEngine(Script(refuse="overloaded")))
    async with world.client() as client:
        response = await post(client, path)
    assert response.status_code == 503
    assert float(response.headers["retry-after"]) > 0
    assert world.decoder.decoded == 0


class EndlessSpeech:
    """Hears one segment and then nothing; `closed` tells when it was let go."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.closed = asyncio.Event()

    async def info(self) -> EngineInfo:
        return EngineInfo("fp")

    def check_room(self) -> None:
        pass

    async def transcribe(self, request: SpeechRequest) -> AsyncGenerator[SpeechEvent, None]:
        try:
            yield SpeechStarted("en", 1.0)
            yield Segment(0, 0, 0.0, 1.0, " word", (), 0.0, -0.1, 1.0, 0.0)
            self.reached.set()
            await asyncio.Event().wait()
        finally:
            self.closed.set()

    async def detect_language(self, model: str, audio: Audio) -> tuple[LanguageProbability, ...]:
        try:
            self.reached.set()
            await asyncio.Event().wait()
            return ()
        finally:
            self.closed.set()


@pytest.mark.parametrize(
    ("path", "stream"), [(TRANSCRIPTIONS, "true"), (TRANSCRIPTIONS, "false"), (LANGUAGES, "false")]
)
async def test_a_client_that_leaves_frees_the_engine(make_world: Any, path: str, stream: str) -> None:
    engine = EndlessSpeech()
    world = make_world(speech=engine)
    fields = {"model": "whisper-1", "stream": stream}
    files = {"file": ("x", TWO_SECONDS)}
    request = httpx.Request("POST", "http://sayso", data=fields, files=files)
    gone = asyncio.Event()
    messages = [{"type": "http.request", "body": request.read(), "more_body": False}]

    async def receive() -> Any:
        if messages:
            return messages.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        pass

    headers = [
        (b"authorization", b"Bearer sk-test"),
        (b"content-type", request.headers["content-type"].encode()),
    ]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
    answering = asyncio.create_task(world.app(scope, receive, send))
    await asyncio.wait_for(engine.reached.wait(), 5)
    gone.set()
    await asyncio.wait_for(engine.closed.wait(), 0.5)
    await asyncio.wait_for(answering, 0.5)
    assert world.metrics.requests == [("POST", path, 499)]
