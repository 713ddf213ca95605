"""One suite for every chat engine: the rules at the head of `sayso.engines.base`."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio

from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    Message,
    NamedTool,
    Sampling,
    Started,
    TextDelta,
    Tool,
    ToolCallDelta,
)
from sayso.engines.hosted import HostedChatEngine
from sayso.engines.upstream.chat import UpstreamChatEngine
from sayso.errors import ContextLengthExceeded, InvalidRequest, UnsupportedParameter
from tests.contracts.engine_fixtures import ChatSubject, chat_subjects, open_chat_subject

pytestmark = pytest.mark.asyncio(loop_scope="module")

GREEDY = Sampling(temperature=0.0)
COUNT = "Count from one to twenty in words: one, two, three, four, five, six, seven, eight, nine, ten."


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=chat_subjects())
async def subject(request: pytest.FixtureRequest) -> AsyncIterator[ChatSubject]:
    async with open_chat_subject(request) as opened:
        yield opened


def ask(text: str, **more: object) -> ChatRequest:
    fields: dict[str, object] = {"sampling": GREEDY, "max_tokens": 12, **more}
    return ChatRequest("m", (Message("user", text),), **fields)  # type: ignore[arg-type]


async def events_of(subject: ChatSubject, request: ChatRequest | CompletionRequest) -> list[ChatEvent]:
    stream = (
        subject.engine.chat(request) if isinstance(request, ChatRequest) else subject.engine.complete(request)
    )
    async with aclosing(stream) as events:
        return [event async for event in events]


def text_of(events: list[ChatEvent], index: int = 0) -> str:
    return "".join(event.text for event in events if isinstance(event, TextDelta) and event.index == index)


async def test_stream_begins_with_started_and_ends_with_finished(subject: ChatSubject) -> None:
    events = await events_of(subject, ask(COUNT))
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert sum(isinstance(event, Started | Finished) for event in events) == 2
    assert [event.index for event in events if isinstance(event, ChoiceFinished)] == [0]


async def test_usage_agrees_with_the_events(subject: ChatSubject) -> None:
    events = await events_of(subject, ask(COUNT))
    first, last = events[0], events[-1]
    assert isinstance(first, Started)
    assert isinstance(last, Finished)
    assert last.usage.prompt_tokens == first.prompt_tokens > 0
    counts = [event.completion_tokens for event in events if isinstance(event, TextDelta | ChoiceFinished)]
    assert counts == sorted(counts)
    assert counts[-1] == last.usage.completion_tokens
    assert 1 <= last.usage.completion_tokens <= 12


async def test_stops_at_max_tokens_with_length(subject: ChatSubject) -> None:
    events = await events_of(subject, ask(COUNT, max_tokens=3))
    finish = next(event for event in events if isinstance(event, ChoiceFinished))
    assert finish.reason == "length"
    assert isinstance(events[-1], Finished)
    assert events[-1].usage.completion_tokens == 3


async def test_stop_string_is_cut_out_of_the_text(subject: ChatSubject) -> None:
    whole = text_of(await events_of(subject, ask(COUNT, max_tokens=24)))
    stop = whole[len(whole) // 2 : len(whole) // 2 + 4]
    assert len(stop) == 4
    events = await events_of(subject, ask(COUNT, max_tokens=24, stop=(stop,)))
    assert text_of(events) == whole[: whole.index(stop)]
    finish = next(event for event in events if isinstance(event, ChoiceFinished))
    assert finish.reason == "stop"


async def test_n_choices_each_finish_once(subject: ChatSubject) -> None:
    events = await events_of(subject, ask(COUNT, n=3, sampling=Sampling(1.0, seed=7)))
    finished = sorted(event.index for event in events if isinstance(event, ChoiceFinished))
    assert finished == [0, 1, 2]
    assert all(text_of(events, index) for index in range(3))
    one = await events_of(subject, ask(COUNT))
    assert isinstance(events[-1], Finished)
    assert isinstance(one[-1], Finished)
    assert events[-1].usage.prompt_tokens == one[-1].usage.prompt_tokens


async def test_logprobs_cover_the_text(subject: ChatSubject) -> None:
    events = await events_of(subject, ask(COUNT, logprobs=True))
    items = [item for event in events if isinstance(event, TextDelta) for item in event.logprobs]
    assert items
    assert all(item.logprob <= 0 for item in items)
    said = b"".join(bytes(item.bytes) for item in items)
    assert said.decode("utf-8", "ignore").startswith(text_of(events))


async def test_context_overflow_states_both_numbers(subject: ChatSubject) -> None:
    limit = (await subject.engine.info()).context_length
    with pytest.raises(InvalidRequest) as caught:
        await events_of(subject, ask("word " * (limit + 10), max_tokens=1))
    assert caught.value.code == "context_length_exceeded"
    assert str(limit) in caught.value.message
    with pytest.raises(InvalidRequest) as caught:
        await events_of(subject, ask("Hi", max_tokens=limit))
    assert caught.value.code == "context_length_exceeded"
    assert str(limit) in caught.value.message
    if subject.keeps_types:
        assert isinstance(caught.value, ContextLengthExceeded)


async def test_unsupported_parameter_is_named(subject: ChatSubject) -> None:
    with pytest.raises(UnsupportedParameter) as caught:
        await events_of(subject, ask("Hi", sampling=Sampling(0.0, logit_bias={5: 10.0})))
    assert caught.value.param == "logit_bias"


async def test_forced_tool_is_called(subject: ChatSubject) -> None:
    tool = Tool(
        "look_up", "Looks up a city.", {"type": "object", "properties": {}, "additionalProperties": False}
    )
    for choice, reason in (("required", "tool_calls"), (NamedTool("look_up"), "stop")):
        events = await events_of(
            subject, ask("Where is Rome?", tools=(tool,), tool_choice=choice, max_tokens=48)
        )
        calls = [event for event in events if isinstance(event, ToolCallDelta)]
        assert calls[0].name == "look_up"
        assert calls[0].id
        assert all(call.name is None and call.id is None for call in calls[1:])
        assert "".join(call.arguments for call in calls).strip() == "{}"
        assert [event.reason for event in events if isinstance(event, ChoiceFinished)] == [reason]


async def test_completion_continues_raw_text(subject: ChatSubject) -> None:
    request = CompletionRequest("m", ("The capital of France is", "One two three"), GREEDY, max_tokens=4, n=2)
    events = await events_of(subject, request)
    assert sorted(e.index for e in events if isinstance(e, ChoiceFinished)) == [0, 1, 2, 3]
    assert all(text_of(events, index) for index in range(4))


async def test_closing_the_stream_stops_the_work(subject: ChatSubject) -> None:
    stream = subject.engine.chat(ask(COUNT, max_tokens=400))
    async for event in stream:
        if isinstance(event, TextDelta):
            break
    await stream.aclose()
    async with asyncio.timeout(0.5):
        while await subject.running() > 0:  # noqa: ASYNC110 - asked across a process boundary
            await asyncio.sleep(0.01)


async def test_a_closed_stream_can_be_asked_what_it_used(subject: ChatSubject) -> None:
    stream = subject.engine.chat(ask(COUNT, max_tokens=400, id="closed"))
    seen = 0
    async for event in stream:
        if isinstance(event, TextDelta):
            seen = event.completion_tokens
            break
    await stream.aclose()
    used = await subject.engine.stop("closed")
    if isinstance(subject.engine, UpstreamChatEngine) and not isinstance(subject.engine, HostedChatEngine):
        assert used is None  # another server does not tell
        return
    assert used is not None
    assert used.prompt_tokens > 0
    assert seen <= used.completion_tokens < 400
    assert await subject.engine.stop("closed") == used
    assert await subject.engine.stop("of nobody") is None


async def test_a_request_that_is_done_used_what_it_said(subject: ChatSubject) -> None:
    events = await events_of(subject, ask(COUNT, id="done"))
    assert isinstance(events[-1], Finished)
    used = await subject.engine.stop("done")
    assert used is None or used.total_tokens == events[-1].usage.total_tokens


async def test_requests_run_together(subject: ChatSubject) -> None:
    results = await asyncio.gather(*(events_of(subject, ask(COUNT)) for _ in range(6)))
    assert all(isinstance(events[-1], Finished) for events in results)
    assert len({text_of(events) for events in results}) <= 2  # greedy; batching may move one rounding
