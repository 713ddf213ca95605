"""OpenAI's own client against a real server on the loopback interface; every answer validated strictly."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.audio import TranscriptionTextDeltaEvent, TranscriptionTextDoneEvent
from pydantic import BaseModel

from sayso.engines.fake import Script

TWO_SECONDS = b"PCM" + bytes(2 * 32_000)
SAY: Any = [{"role": "user", "content": "one two three"}]
LOOK: Any = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]


@contextlib.asynccontextmanager
async def sdk(world: Any, key: str = "sk-test", *, strict: bool = True) -> AsyncGenerator[AsyncOpenAI, None]:
    async with (
        world.serve() as url,
        AsyncOpenAI(api_key=key, base_url=url, _strict_response_validation=strict, max_retries=0) as client,
    ):
        yield client


@pytest.fixture
async def client(make_world: Any) -> AsyncGenerator[AsyncOpenAI, None]:
    async with sdk(make_world()) as client:
        yield client


async def test_a_chat(client: AsyncOpenAI) -> None:
    answer = await client.chat.completions.create(model="gpt-3.5-turbo", messages=SAY, n=2, logprobs=True)
    assert answer.choices[1].message.content == "one two three"
    assert answer.choices[0].logprobs is not None
    assert answer._request_id is not None
    assert answer._request_id.startswith("req_")
    assert answer.usage is not None
    assert answer.usage.total_tokens == 9


async def test_a_streamed_chat(client: AsyncOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="gpt-3.5-turbo", messages=SAY, stream=True, stream_options={"include_usage": True}
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == "one two three"
    assert chunks[-1].usage is not None
    assert chunks[-2].choices[0].finish_reason == "stop"


async def test_the_streaming_helper_with_tools(client: AsyncOpenAI) -> None:
    async with client.chat.completions.stream(
        model="gpt-3.5-turbo", messages=SAY, tools=LOOK, tool_choice="required"
    ) as stream:
        kinds = [event.type async for event in stream]
        answer = await stream.get_final_completion()
    assert "tool_calls.function.arguments.done" in kinds
    assert answer.choices[0].message.tool_calls is not None
    (call,) = answer.choices[0].message.tool_calls
    assert (call.function.name, call.function.arguments) == ("look", "{}")
    assert answer.choices[0].finish_reason == "tool_calls"


class Place(BaseModel):
    city: str
    country: str


async def test_parse(make_world: Any) -> None:
    reply = '{"city": "Paris", "country": "France"}'
    async with sdk(make_world(script=Script(reply=reply))) as client:
        answer = await client.chat.completions.parse(
            model="gpt-3.5-turbo", messages=SAY, response_format=Place
        )
        assert answer.choices[0].message.parsed == Place(city="Paris", country="France")
        with pytest.raises(openai.LengthFinishReasonError):
            await client.chat.completions.parse(
                model="gpt-3.5-turbo", messages=SAY, response_format=Place, max_tokens=1
            )


async def test_errors_have_the_sdk_s_classes(make_world: Any) -> None:
    async with sdk(make_world()) as client:
        with pytest.raises(openai.BadRequestError) as bad:
            await client.chat.completions.create(model="gpt-3.5-turbo", messages=SAY, temperature=3)
        assert (bad.value.param, bad.value.code) == ("temperature", "decimal_above_max_value")
        assert bad.value.request_id is not None
        with pytest.raises(openai.NotFoundError):
            await client.models.retrieve("nothing")
        with pytest.raises(openai.PermissionDeniedError):
            await client.models.delete("gpt-3.5-turbo")
    async with sdk(make_world(), "sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError):
            await client.models.list()


async def test_an_error_inside_a_stream(make_world: Any) -> None:
    async with sdk(make_world(script=Script(fail_after=1))) as client:
        stream = await client.chat.completions.create(model="gpt-3.5-turbo", messages=SAY, stream=True)
        with pytest.raises(openai.APIError) as caught:
            [chunk async for chunk in stream]
        assert caught.value.type == "server_error"


async def test_models(client: AsyncOpenAI) -> None:
    assert "gpt-3.5-turbo" in [model.id async for model in client.models.list()]
    assert (await client.models.retrieve("ft:gpt/x:acme")).id == "ft:gpt/x:acme"


async def test_completions(client: AsyncOpenAI, make_world: Any) -> None:
    answer = await client.completions.create(model="gpt-3.5-turbo", prompt="one two", logprobs=1, n=2)
    assert [choice.text for choice in answer.choices] == ["one two", "one two"]
    # A streamed chunk's finish_reason is null, which OpenAI's own type does not foresee.
    async with sdk(make_world(), strict=False) as lenient:
        stream = await lenient.completions.create(model="gpt-3.5-turbo", prompt="one two", stream=True)
        assert "".join([chunk.choices[0].text async for chunk in stream]) == "one two"


async def test_transcriptions(client: AsyncOpenAI) -> None:
    create = client.audio.transcriptions.create
    plain = await create(model="whisper-1", file=TWO_SECONDS)
    assert plain.text == "word word"
    assert plain.usage is not None
    assert plain.usage.type == "duration"
    verbose = await create(
        model="whisper-1",
        file=TWO_SECONDS,
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
        language="en",
        prompt="p",
        temperature=0.2,
    )
    assert (verbose.language, verbose.duration) == ("english", 2.0)
    assert verbose.words is not None
    assert verbose.segments is not None
    assert await create(model="whisper-1", file=TWO_SECONDS, response_format="text") == "word word\n"
    assert (await create(model="whisper-1", file=TWO_SECONDS, response_format="vtt")).startswith("WEBVTT")


async def test_a_streamed_transcription(client: AsyncOpenAI) -> None:
    stream = await client.audio.transcriptions.create(model="whisper-1", file=TWO_SECONDS, stream=True)
    *deltas, done = [event async for event in stream]
    assert all(isinstance(delta, TranscriptionTextDeltaEvent) for delta in deltas)
    assert isinstance(done, TranscriptionTextDoneEvent)
    assert done.text == "word word"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
async def test_translations(client: AsyncOpenAI) -> None:
    assert (await client.audio.translations.create(model="whisper-1", file=TWO_SECONDS)).text == "word word"
    verbose = await client.audio.translations.create(
        model="whisper-1", file=TWO_SECONDS, response_format="verbose_json"
    )
    assert verbose.language == "english"


async def test_an_upload_over_the_limit_gets_its_answer(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as caught:
        await client.audio.transcriptions.create(model="whisper-1", file=bytes(60_000_000))
    assert caught.value.status_code == 413
    assert caught.value.type == "server_error"


@pytest.mark.parametrize("stream", [True, False])
async def test_hanging_up_frees_the_engine(make_world: Any, endless: Any, stream: bool) -> None:
    world = make_world(chat=endless)
    async with sdk(world) as client:
        create: Any = client.chat.completions.create
        asking = asyncio.create_task(create(model="gpt-3.5-turbo", messages=SAY, stream=stream))
        await asyncio.wait_for(endless.reached.wait(), 5)
        if stream:
            await (await asking).close()
        else:
            asking.cancel()
        await asyncio.wait_for(endless.closed.wait(), 0.5)
    assert [event.outcome for event in world.ledger.events] == ["disconnected"]
