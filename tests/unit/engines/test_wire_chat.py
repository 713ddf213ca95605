"""What one end of the wire writes, the other reads."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    Sampling,
    Started,
    TextDelta,
    TextFormat,
    TokenLogprob,
    Tool,
    ToolCall,
    ToolCallDelta,
)
from sayso.core.usage import TokenUsage
from sayso.engines.wire.chat_events import ChatEventDecoder, ChatEventEncoder
from sayso.engines.wire.chat_request import (
    decode_chat_request,
    decode_completion_request,
    encode_chat_request,
    encode_completion_request,
)
from sayso.engines.wire.errors import decode_error, encode_error
from sayso.engines.wire.sse import SseParser
from sayso.errors import (
    ContextLengthExceeded,
    EngineFailed,
    EngineOverloaded,
    EngineUnavailable,
    InvalidRequest,
    SaysoError,
    UnsupportedParameter,
)

text = st.text(max_size=20)
samplings = st.builds(
    Sampling,
    st.floats(0, 2),
    st.floats(0, 1),
    st.floats(-2, 2),
    st.floats(-2, 2),
    st.none() | st.integers(-(2**53), 2**53),
    st.dictionaries(st.integers(0, 50_000), st.floats(-100, 100), max_size=3),
)
calls = st.builds(ToolCall, text, text, text)
messages = st.builds(
    Message,
    st.sampled_from(["developer", "system", "user", "assistant", "tool"]),
    st.none() | text,
    st.none() | text,
    st.lists(calls, max_size=2).map(tuple),
    st.none() | text,
)
schemas = st.just({"type": "object", "properties": {"a": {"type": "string"}}})
tools = st.builds(Tool, text, st.none() | text, st.none() | schemas, st.booleans())
formats = st.one_of(
    st.builds(TextFormat),
    st.builds(JsonObjectFormat),
    st.builds(JsonSchemaFormat, text, schemas, st.none() | text, st.booleans()),
)


@given(
    st.builds(
        ChatRequest,
        st.just("m"),
        st.lists(messages, min_size=1, max_size=3).map(tuple),
        samplings,
        st.none() | st.integers(1, 100),
        st.integers(1, 4),
        st.lists(text, max_size=4).map(tuple),
        st.just(True),
        st.integers(0, 20),
        st.lists(tools, min_size=1, max_size=2).map(tuple),
        st.sampled_from(["none", "auto", "required"]) | st.builds(NamedTool, text),
        st.booleans(),
        formats,
    )
)
def test_chat_requests_survive_the_wire(request: ChatRequest) -> None:
    body = orjson.loads(orjson.dumps(encode_chat_request(request, "m")))
    assert decode_chat_request(body) == request


@given(
    st.builds(
        CompletionRequest,
        st.just("m"),
        st.lists(text | st.lists(st.integers(0, 9), min_size=1).map(tuple), min_size=1, max_size=3).map(
            tuple
        ),
        samplings,
        st.integers(1, 100),
        st.integers(1, 4),
        st.lists(text, max_size=4).map(tuple),
        st.none() | st.integers(0, 5),
        st.booleans(),
    )
)
def test_completion_requests_survive_the_wire(request: CompletionRequest) -> None:
    body = orjson.loads(orjson.dumps(encode_completion_request(request, "m")))
    assert decode_completion_request(body) == request


def test_events_survive_the_wire() -> None:
    sent: list[ChatEvent] = [
        Started(7),
        TextDelta(
            0, "Hé", (TokenLogprob("Hé", (72, 195, 169), -0.5, (TokenLogprob("x", (120,), -2.0),)),), 1
        ),
        TextDelta(1, "there", (), 2),
        ToolCallDelta(1, 0, "", "call_1", "look_up", 3),
        ToolCallDelta(1, 0, '{"a"', completion_tokens=4),
        ChoiceFinished(0, "stop", 5),
        ChoiceFinished(1, "tool_calls", 5),
        Finished(TokenUsage(7, 5, 4)),
    ]
    encoder, decoder, parser = ChatEventEncoder(), ChatEventDecoder(), SseParser()
    wire = b"".join(encoder.encode(event) for event in sent)
    *chunks, done = parser.feed(wire)
    heard = [event for chunk in chunks for event in decoder.decode(orjson.loads(chunk))]
    assert done == b"[DONE]"
    assert [*heard, decoder.finish()] == sent


def test_a_server_that_counts_nothing_is_counted_by_its_deltas() -> None:
    decoder = ChatEventDecoder()
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]},
        {"choices": [{"index": 0, "delta": {"content": "a"}}]},
        {"choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}], "usage": None},
    ]
    heard = [event for chunk in chunks for event in decoder.decode(chunk)]
    assert heard[0] == Started(0)
    assert decoder.finish().usage.completion_tokens == 2


@pytest.mark.parametrize(
    "error",
    [
        InvalidRequest("bad", param="messages[0]", code="invalid_value"),
        UnsupportedParameter("logit_bias"),
        ContextLengthExceeded(context_length=8, prompt_tokens=9, completion_tokens=2, param="prompt"),
        EngineOverloaded("full", retry_after=3.0),
        EngineUnavailable("loading"),
    ],
)
def test_errors_survive_the_wire(error: SaysoError) -> None:
    status, body, headers = encode_error(error)
    heard = decode_error(status, orjson.loads(orjson.dumps(body)), headers.get("retry-after"))
    assert type(heard) is type(error)
    assert vars(heard) == vars(error)


def test_an_unknown_status_is_the_engines_fault_and_shows_no_body() -> None:
    error = decode_error(500, {"error": {"message": "stack trace with a prompt"}}, None)
    assert isinstance(error, EngineFailed)
    assert "prompt" not in error.message
