"""What the embedded chat engine does where neither the request nor the catalogue says it."""

from collections.abc import Iterator
from contextlib import aclosing
from pathlib import Path

import pytest

from sayso.core.chat import ChatEvent, ChatRequest, ChoiceFinished, Finished, Message, Sampling
from sayso.engines.config import EngineConfig
from sayso.engines.openvino.engine import OpenVinoChatEngine

GREEDY = Sampling(temperature=0)


@pytest.fixture(scope="module")
def engine(smollm2_folder: Path, shared_cache: Path) -> Iterator[OpenVinoChatEngine]:
    config = EngineConfig(
        "openvino", "m", smollm2_folder, "ab", shared_cache, cache_tokens=16_384, answer_tokens=7
    )
    engine = OpenVinoChatEngine.load(config)
    yield engine
    engine.close()


async def ending(engine: OpenVinoChatEngine, request: ChatRequest) -> tuple[str, int]:
    async with aclosing(engine.chat(request)) as stream:
        events: list[ChatEvent] = [event async for event in stream]
    reason = next(event.reason for event in events if isinstance(event, ChoiceFinished))
    last = events[-1]
    assert isinstance(last, Finished)
    return reason, last.usage.completion_tokens


async def test_the_context_window_is_what_the_weights_say(engine: OpenVinoChatEngine) -> None:
    assert (await engine.info()).context_length == 8192


async def test_an_answer_without_a_limit_ends_at_the_snapshots(engine: OpenVinoChatEngine) -> None:
    request = ChatRequest("m", (Message("user", "Tell me a long story."),), GREEDY)
    assert await ending(engine, request) == ("length", 7)


async def test_a_limit_of_the_callers_own_goes_before_it(engine: OpenVinoChatEngine) -> None:
    request = ChatRequest("m", (Message("user", "Tell me a long story."),), GREEDY, max_tokens=12)
    assert await ending(engine, request) == ("length", 12)


async def test_near_the_end_of_the_window_the_rest_of_it_is_left(engine: OpenVinoChatEngine) -> None:
    words = "a " * 100  # a token each
    probe = ChatRequest("m", (Message("user", words),), GREEDY, max_tokens=1)
    async with aclosing(engine.chat(probe)) as stream:
        last = [event async for event in stream][-1]
    assert isinstance(last, Finished)
    missing = 8192 - last.usage.prompt_tokens
    request = ChatRequest("m", (Message("user", words + "a " * (missing - 3)),), GREEDY)
    assert await ending(engine, request) == ("length", 3)
