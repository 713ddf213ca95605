from typing import Any

import orjson
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from sayso.api.openai.answer import AnswerHead
from sayso.api.openai.chat_response import chat_completion, collect
from sayso.api.openai.chat_stream import ChatStreamEncoder
from sayso.core.chat import (
    ChatEvent,
    ChoiceFinished,
    Finished,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)
from sayso.core.usage import TokenUsage
from sayso.errors import EngineFailed
from sayso.ids import CompletionId

HEAD = AnswerHead(CompletionId("chatcmpl-1"), 'name"with\\quotes', "fp_1", 1_700_000_000)
USAGE = TokenUsage(9, 4, 3)
TEXT: list[ChatEvent] = [
    Started(9),
    TextDelta(0, 'He said "hi"\n'),
    TextDelta(1, "ünï 😀"),
    TextDelta(0, ""),
    ChoiceFinished(1, "length"),
    TextDelta(0, "</script>"),
    ChoiceFinished(0, "stop"),
    Finished(USAGE),
]
CALLS: list[ChatEvent] = [
    Started(9),
    ToolCallDelta(0, 0, "", "call_1", "look"),
    ToolCallDelta(0, 0, '{"a":'),
    ToolCallDelta(0, 0, "1}"),
    ToolCallDelta(0, 1, "", "call_2", "other"),
    ToolCallDelta(0, 1, "{}"),
    ChoiceFinished(0, "tool_calls"),
    Finished(USAGE),
]


def frames(events: list[ChatEvent], **options: Any) -> list[Any]:
    encoder = ChatStreamEncoder(HEAD, **options)
    raw = b"".join(encoder.encode(event) for event in events)
    lines = raw.decode().split("\n\n")
    assert lines[-2:] == ["data: [DONE]", ""]
    assert all(line.startswith("data: ") and "\n" not in line for line in lines[:-1])
    chunks = [orjson.loads(line.removeprefix("data: ")) for line in lines[:-2]]
    for chunk in chunks:
        ChatCompletionChunk.model_validate(chunk, strict=True)
        head = (chunk["id"], chunk["object"], chunk["created"], chunk["model"], chunk["system_fingerprint"])
        assert head == ("chatcmpl-1", "chat.completion.chunk", 1_700_000_000, HEAD.model, "fp_1")
    return chunks


def deltas(chunks: list[Any]) -> list[Any]:
    return [
        (choice["index"], choice["delta"], choice["finish_reason"])
        for chunk in chunks
        for choice in chunk["choices"]
    ]


def test_order_of_a_stream_with_two_choices() -> None:
    chunks = frames(TEXT, choices=2)
    role = {"role": "assistant", "content": "", "refusal": None}
    assert deltas(chunks) == [
        (0, role, None),
        (1, role, None),
        (0, {"content": 'He said "hi"\n'}, None),
        (1, {"content": "ünï 😀"}, None),
        (1, {}, "length"),
        (0, {"content": "</script>"}, None),
        (0, {}, "stop"),
    ]
    assert all("usage" not in chunk for chunk in chunks)
    assert all(choice["logprobs"] is None for chunk in chunks for choice in chunk["choices"])


def test_usage_comes_once_and_is_null_before() -> None:
    chunks = frames(TEXT, choices=2, include_usage=True)
    assert [chunk["usage"] for chunk in chunks[:-1]] == [None] * (len(chunks) - 1)
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["prompt_tokens"] == 9
    assert chunks[-1]["usage"]["completion_tokens"] == 4
    assert chunks[-1]["usage"]["total_tokens"] == 13
    assert chunks[-1]["usage"]["prompt_tokens_details"]["cached_tokens"] == 3


def test_logprobs_one_entry_per_token() -> None:
    best = TokenLogprob("b", (98,), -0.7)
    entry = TokenLogprob("a", (97,), -0.5, (best,))
    events: list[ChatEvent] = [
        Started(1),
        TextDelta(0, "a", (entry,)),
        TextDelta(0, "", (best,)),
        ChoiceFinished(0, "stop"),
        Finished(USAGE),
    ]
    first, second, third, last = frames(events, logprobs=True)
    assert first["choices"][0]["logprobs"] == {"content": [], "refusal": None}
    bare = {"token": "b", "logprob": -0.7, "bytes": [98]}
    assert second["choices"][0]["logprobs"] == {
        "content": [{"token": "a", "logprob": -0.5, "bytes": [97], "top_logprobs": [bare]}],
        "refusal": None,
    }
    assert third["choices"][0]["logprobs"]["content"] == [{**bare, "top_logprobs": []}]
    assert last["choices"][0]["logprobs"] is None


def test_tool_calls_name_themselves_once() -> None:
    calls = [
        choice["delta"]["tool_calls"]
        for chunk in frames(CALLS)
        for choice in chunk["choices"]
        if "tool_calls" in choice["delta"]
    ]
    assert calls == [
        [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"a":'}}],
        [{"index": 0, "function": {"arguments": "1}"}}],
        [{"index": 1, "id": "call_2", "type": "function", "function": {"name": "other", "arguments": ""}}],
        [{"index": 1, "function": {"arguments": "{}"}}],
    ]
    assert deltas(frames(CALLS))[-1] == (0, {}, "tool_calls")


def test_the_function_call_of_2023() -> None:
    found = deltas(frames(CALLS, legacy_functions=True))
    assert found[1:] == [
        (0, {"function_call": {"name": "look", "arguments": ""}}, None),
        (0, {"function_call": {"arguments": '{"a":'}}, None),
        (0, {"function_call": {"arguments": "1}"}}, None),
        (0, {}, "function_call"),
    ]


async def whole(events: list[ChatEvent], choices: int = 1, **options: Any) -> ChatCompletion:
    async def stream() -> Any:
        for event in events:
            yield event

    collected, usage = await collect(stream(), choices)
    values = orjson.loads(orjson.dumps(chat_completion(HEAD, collected, usage, **options)))
    return ChatCompletion.model_validate(values, strict=True)


async def test_a_whole_answer_is_the_stream_joined() -> None:
    answer = await whole(TEXT, 2)
    assert [choice.message.content for choice in answer.choices] == ['He said "hi"\n</script>', "ünï 😀"]
    assert [choice.finish_reason for choice in answer.choices] == ["stop", "length"]
    assert answer.choices[0].logprobs is None
    assert answer.choices[0].message.tool_calls is None
    assert answer.usage is not None
    assert answer.usage.total_tokens == 13


async def test_whole_tool_calls() -> None:
    message = (await whole(CALLS)).choices[0].message
    assert message.content is None
    assert [
        (c.id, c.function.name, c.function.arguments)
        for c in message.tool_calls or ()
        if c.type == "function"
    ] == [
        ("call_1", "look", '{"a":1}'),
        ("call_2", "other", "{}"),
    ]


async def test_a_whole_function_call_of_2023() -> None:
    choice = (await whole(CALLS, legacy_functions=True)).choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.tool_calls is None
    assert choice.message.function_call is not None
    assert choice.message.function_call.arguments == '{"a":1}'


async def test_whole_logprobs() -> None:
    entry = TokenLogprob("a", (97,), -0.5, (TokenLogprob("b", (98,), -0.7),))
    events: list[ChatEvent] = [
        Started(1),
        TextDelta(0, "a", (entry,)),
        ChoiceFinished(0, "stop"),
        Finished(USAGE),
    ]
    choice = (await whole(events, logprobs=True)).choices[0]
    assert choice.logprobs is not None
    assert choice.logprobs.content is not None
    assert choice.logprobs.content[0].top_logprobs[0].token == "b"


async def test_a_stream_cut_short_is_no_answer() -> None:
    for events in (TEXT[:-1], [*TEXT[:4], TEXT[-1]]):
        try:
            await whole(events, 2)
        except EngineFailed:
            continue
        raise AssertionError("an incomplete stream was taken for an answer")
