from typing import Any

import pytest

from sayso.api.openai.chat_request import ChatCall, chat_call
from sayso.api.openai.chat_schemas import ChatBody
from sayso.core.chat import (
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    NamedTool,
    TextFormat,
    Tool,
    ToolCall,
)
from sayso.errors import InvalidRequest, UnsupportedParameter

USER = {"role": "user", "content": "Say json"}
TOOL = {"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}


def body(**fields: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [USER], **fields}


def read(extras: Any = "ignore", **fields: Any) -> ChatCall:
    return chat_call(body(**fields), extras)


def refusal(values: dict[str, Any], extras: Any = "ignore") -> InvalidRequest:
    with pytest.raises(InvalidRequest) as caught:
        chat_call(values, extras)
    return caught.value


def test_the_least_request_leaves_sampling_to_the_model() -> None:
    request = read().request
    assert request.messages == (Message("user", "Say json"),)
    assert (request.sampling.temperature, request.sampling.top_p, request.n) == (None, None, 1)
    assert (request.max_tokens, request.stop, request.tool_choice) == (None, (), "none")
    assert request.response_format == TextFormat()


NULLABLE = sorted(ChatBody.model_fields.keys() - {"model", "messages"})


@pytest.mark.parametrize("field", NULLABLE)
def test_null_means_absent(field: str) -> None:
    assert read(extras="reject", **{field: None}) == read()


ACCEPTED: list[dict[str, Any]] = [
    {"temperature": 0},
    {"temperature": 2},
    {"temperature": 0.7},
    {"top_p": 0},
    {"top_p": 1},
    {"n": 128},
    {"stop": "x"},
    {"stop": ["a", "b", "c", "d"]},
    {"max_tokens": 1},
    {"max_completion_tokens": 1},
    {"presence_penalty": -2},
    {"frequency_penalty": 2},
    {"logit_bias": {"50256": -100, "1": 100}},
    {"logprobs": True},
    {"logprobs": True, "top_logprobs": 20},
    {"top_logprobs": 0},
    {"seed": -9007199254740991},
    {"seed": 2**63 - 1},
    {"stream": True, "stream_options": {"include_usage": True, "include_obfuscation": False}},
    {"tool_choice": "none"},
    {"tools": [TOOL], "tool_choice": "required"},
    {"tools": [TOOL], "parallel_tool_calls": False},
    {"tools": [{"type": "function", "function": {"name": "a", "description": None, "strict": None}}]},
    {"service_tier": "auto"},
    {"service_tier": "default"},
    {"store": True},
    {"metadata": {f"k{i}": "v" * 512 for i in range(16)}},
    {"user": "u"},
    {"safety_identifier": "s" * 64},
    {"prompt_cache_key": "k"},
    {"prompt_cache_retention": "24h"},
    {"prompt_cache_options": {"mode": "implicit", "ttl": "30m"}},
    {"reasoning_effort": "low"},
    {"verbosity": "high"},
    {"modalities": ["text"]},
    {"prediction": {"type": "content", "content": "x"}},
    {"response_format": {"type": "text"}},
]


@pytest.mark.parametrize("fields", ACCEPTED, ids=str)
def test_accepted(fields: dict[str, Any]) -> None:
    read(extras="reject", **fields)


REFUSED: list[tuple[dict[str, Any], str, str | None]] = [
    ({"temperature": 2.1}, "temperature", "decimal_above_max_value"),
    ({"temperature": -0.1}, "temperature", "decimal_below_min_value"),
    ({"temperature": "1"}, "temperature", "invalid_type"),
    ({"temperature": True}, "temperature", "invalid_type"),
    ({"top_p": 1.1}, "top_p", "decimal_above_max_value"),
    ({"n": 0}, "n", "integer_below_min_value"),
    ({"n": 129}, "n", "integer_above_max_value"),
    ({"n": 1.5}, "n", "invalid_type"),
    ({"n": "2"}, "n", "invalid_type"),
    ({"stream": "true"}, "stream", "invalid_type"),
    ({"stream": 1}, "stream", "invalid_type"),
    ({"stop": []}, "stop", "empty_array"),
    ({"stop": ["a"] * 5}, "stop", "array_above_max_length"),
    ({"stop": 3}, "stop", "invalid_type"),
    ({"stop": [3]}, "stop[0]", "invalid_type"),
    ({"max_tokens": 0}, "max_tokens", "integer_below_min_value"),
    ({"max_completion_tokens": 0}, "max_completion_tokens", "integer_below_min_value"),
    ({"max_tokens": 5, "max_completion_tokens": 5}, "max_tokens", "invalid_parameter_combination"),
    ({"presence_penalty": 2.5}, "presence_penalty", "decimal_above_max_value"),
    ({"frequency_penalty": -2.5}, "frequency_penalty", "decimal_below_min_value"),
    ({"logit_bias": {"foo": 1}}, "logit_bias", "invalid_value"),
    ({"logit_bias": {"5": 101}}, "logit_bias.5", "decimal_above_max_value"),
    ({"logit_bias": {"5": "1"}}, "logit_bias.5", "invalid_type"),
    ({"logit_bias": [1]}, "logit_bias", "invalid_type"),
    ({"logprobs": 3}, "logprobs", "invalid_type"),
    ({"top_logprobs": 3}, "top_logprobs", "invalid_parameter_combination"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs", "integer_above_max_value"),
    ({"seed": 2**63}, "seed", "integer_above_max_value"),
    ({"seed": 1e30}, "seed", "invalid_type"),
    ({"stream_options": {"include_usage": True}}, "stream_options", "invalid_parameter_combination"),
    (
        {"stream": True, "stream_options": {"include_usage": "yes"}},
        "stream_options.include_usage",
        "invalid_type",
    ),
    ({"tools": []}, "tools", "empty_array"),
    ({"tools": [TOOL] * 129}, "tools", "array_above_max_length"),
    ({"tools": [{"type": "function"}]}, "tools[0].function", "missing_required_parameter"),
    (
        {"tools": [{"type": "function", "function": {"name": "a b"}}]},
        "tools[0].function.name",
        "invalid_value",
    ),
    (
        {"tools": [{"type": "function", "function": {"name": "a" * 65}}]},
        "tools[0].function.name",
        "string_above_max_length",
    ),
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools[0]", "unsupported_parameter"),
    ({"tools": [{"type": "magic"}]}, "tools[0].type", "invalid_value"),
    ({"tool_choice": "auto"}, "tool_choice", None),
    ({"tool_choice": "required"}, "tool_choice", None),
    ({"tools": [TOOL], "tool_choice": "maybe"}, "tool_choice", "invalid_value"),
    ({"tools": [TOOL], "tool_choice": 3}, "tool_choice", "invalid_type"),
    (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "other"}}},
        "tool_choice",
        "invalid_value",
    ),
    ({"tools": [TOOL], "tool_choice": {"type": "custom"}}, "tool_choice", "unsupported_parameter"),
    ({"tools": [TOOL], "functions": [{"name": "f"}]}, "functions", "invalid_parameter_combination"),
    ({"functions": []}, "functions", "empty_array"),
    ({"function_call": "auto"}, "function_call", None),
    ({"functions": [{"name": "f"}], "function_call": {"name": "g"}}, "function_call", "invalid_value"),
    ({"response_format": {"type": "xml"}}, "response_format.type", "invalid_value"),
    (
        {"response_format": {"type": "json_schema"}},
        "response_format.json_schema",
        "missing_required_parameter",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}},
        "response_format.json_schema.name",
        "invalid_value",
    ),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}},
        "response_format.json_schema.name",
        "missing_required_parameter",
    ),
    ({"service_tier": "flex"}, "service_tier", None),
    ({"service_tier": "gold"}, "service_tier", "invalid_value"),
    ({"metadata": {f"k{i}": "v" for i in range(17)}}, "metadata", "object_above_max_properties"),
    ({"metadata": {"k" * 65: "v"}}, "metadata", "string_above_max_length"),
    ({"metadata": {"k": "v" * 513}}, "metadata", "string_above_max_length"),
    ({"metadata": {"k": 1}}, "metadata", "invalid_type"),
    ({"safety_identifier": "s" * 65}, "safety_identifier", "string_above_max_length"),
    ({"user": 3}, "user", "invalid_type"),
    ({"modalities": ["text", "audio"]}, "modalities", "unsupported_parameter"),
    ({"modalities": ["smell"]}, "modalities[0]", "invalid_value"),
    ({"audio": {"voice": "alloy", "format": "wav"}}, "audio", "unsupported_parameter"),
    ({"web_search_options": {}}, "web_search_options", "unsupported_parameter"),
    ({"moderation": {"model": "m"}}, "moderation", "unsupported_parameter"),
    ({"reasoning_effort": "huge"}, "reasoning_effort", "invalid_value"),
    ({"verbosity": "loud"}, "verbosity", "invalid_value"),
    ({"model": 3}, "model", "invalid_type"),
    ({"model": "m" * 257}, "model", "string_above_max_length"),
    ({"messages": []}, "messages", "empty_array"),
    ({"messages": "hi"}, "messages", "invalid_type"),
    ({"messages": [3]}, "messages[0]", "invalid_type"),
]


@pytest.mark.parametrize(("fields", "param", "code"), REFUSED, ids=lambda value: str(value)[:60])
def test_refused(fields: dict[str, Any], param: str, code: str | None) -> None:
    error = refusal(body(**fields))
    assert (error.param, error.code) == (param, code)


MESSAGES: list[tuple[dict[str, Any], str, str]] = [
    ({"content": "x"}, ".role", "missing_required_parameter"),
    ({"role": "wizard", "content": "x"}, ".role", "invalid_value"),
    ({"role": "user"}, ".content", "invalid_type"),
    ({"role": "user", "content": None}, ".content", "invalid_type"),
    ({"role": "user", "content": 3}, ".content", "invalid_type"),
    ({"role": "user", "content": []}, ".content", "empty_array"),
    ({"role": "user", "content": ["x"]}, ".content[0]", "invalid_type"),
    ({"role": "user", "content": [{"type": "text"}]}, ".content[0].text", "missing_required_parameter"),
    ({"role": "user", "content": [{"type": "smell"}]}, ".content[0].type", "invalid_value"),
    ({"role": "user", "content": [{"type": "refusal", "refusal": "x"}]}, ".content[0].type", "invalid_value"),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]},
        ".content[0]",
        "unsupported_parameter",
    ),
    (
        {"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]},
        ".content[0]",
        "unsupported_parameter",
    ),
    ({"role": "user", "content": [{"type": "file", "file": {}}]}, ".content[0]", "unsupported_parameter"),
    ({"role": "user", "content": "x", "name": "a b"}, ".name", "invalid_value"),
    ({"role": "assistant"}, ".content", "invalid_type"),
    ({"role": "assistant", "tool_calls": []}, ".content", "invalid_type"),
    ({"role": "tool", "content": "x"}, ".tool_call_id", "missing_required_parameter"),
    ({"role": "function", "content": "x"}, ".name", "missing_required_parameter"),
    (
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "function"}]},
        ".tool_calls[0].function",
        "missing_required_parameter",
    ),
    (
        {"role": "assistant", "tool_calls": [{"id": "c", "type": "custom", "custom": {}}]},
        ".tool_calls[0]",
        "unsupported_parameter",
    ),
    ({"role": "assistant", "content": "x", "audio": {"id": "a"}}, ".audio", "unsupported_parameter"),
]


@pytest.mark.parametrize(("message", "path", "code"), MESSAGES, ids=lambda value: str(value)[:60])
def test_refused_messages(message: dict[str, Any], path: str, code: str) -> None:
    error = refusal({"model": "m", "messages": [USER, message]})
    assert (error.param, error.code) == (f"messages[1]{path}", code)


def test_messages_of_every_role() -> None:
    wire = [
        {"role": "developer", "content": "d"},
        {"role": "system", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
        {"role": "user", "content": "u", "name": "Ann"},
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            ],
            "annotations": [],
            "refusal": None,
            "audio": None,
        },
        {"role": "tool", "content": [{"type": "text", "text": "r"}], "tool_call_id": "call_1"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        {"role": "assistant", "refusal": "never"},
        {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": None},
    ]
    assert read(extras="reject", messages=wire).request.messages == (
        Message("developer", "d"),
        Message("system", "a\nb"),
        Message("user", "u", name="Ann"),
        Message("assistant", None, tool_calls=(ToolCall("call_1", "f", "{}"),)),
        Message("tool", "r", tool_call_id="call_1"),
        Message("assistant", "no"),
        Message("assistant", "never"),
        Message("assistant", None, tool_calls=(ToolCall("call_7", "f", "{}"),)),
        Message("function", "", name="f"),
    )


def test_tools_and_choices() -> None:
    other = {"type": "function", "function": {"name": "other", "description": "d", "strict": True}}
    tools = [TOOL, other]
    auto = read(tools=tools).request
    assert auto.tools == (Tool("look", None, {"type": "object"}), Tool("other", "d", None, strict=True))
    assert auto.tool_choice == "auto"
    named = read(tools=tools, tool_choice={"type": "function", "function": {"name": "other"}}).request
    assert named.tool_choice == NamedTool("other")
    allowed = {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [{"type": "function", "function": {"name": "other"}}],
        },
    }
    narrowed = read(tools=tools, tool_choice=allowed).request
    assert ([tool.name for tool in narrowed.tools], narrowed.tool_choice) == (["other"], "required")


def test_functions_of_2023_become_tools() -> None:
    call = read(functions=[{"name": "f"}, {"name": "g"}], function_call={"name": "g"})
    assert call.legacy_functions
    assert [tool.name for tool in call.request.tools] == ["f", "g"]
    assert call.request.tool_choice == NamedTool("g")
    assert not call.request.parallel_tool_calls
    assert read(functions=[{"name": "f"}]).request.tool_choice == "auto"


def test_response_formats() -> None:
    assert read(response_format={"type": "json_object"}).request.response_format == JsonObjectFormat()
    schema = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    found = read(response_format={"type": "json_schema", "json_schema": schema}).request.response_format
    assert found == JsonSchemaFormat("answer", {"type": "object"}, None, strict=True)


def test_json_object_needs_the_word() -> None:
    values = body(response_format={"type": "json_object"}, messages=[{"role": "user", "content": "hello"}])
    error = refusal(values)
    assert (error.param, error.code) == ("messages", None)
    assert "'json'" in error.message


def test_a_missing_field_is_named() -> None:
    for field in ("model", "messages"):
        values = body()
        del values[field]
        error = refusal(values)
        assert (error.param, error.code) == (field, "missing_required_parameter")
        assert error.message == f"Missing required parameter: '{field}'."


def test_vendor_extras_by_setting() -> None:
    assert read(top_k=5) == read()
    error = refusal(body(top_k=5), "reject")
    assert (error.param, error.code) == ("top_k", "unknown_parameter")
    nested = refusal({"model": "m", "messages": [{**USER, "mood": "x"}]}, "reject")
    assert (nested.param, nested.code) == ("messages[0].mood", "unknown_parameter")


def test_the_words_are_openai_s() -> None:
    assert refusal(body(temperature=3)).message == (
        "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 3 instead."
    )
    assert refusal(body(n="2")).message == (
        "Invalid type for 'n': expected an integer, but got a string instead."
    )
    assert refusal({"model": "m", "messages": [{"role": "user", "content": 1}]}).message == (
        "Invalid type for 'messages[0].content': expected one of a string or an array of objects, but got an "
        "integer instead."
    )


def test_messages_never_repeat_content() -> None:
    secret = "the quick brown fox " * 20
    for values in (
        body(messages=[{"role": secret, "content": "x"}]),
        body(tools=[{"type": "function", "function": {"name": secret[:60]}}]),
        body(tool_choice=secret),
        body(messages=[{"role": "user", "content": {"a": secret}}]),
        body(messages=[{"role": "user", "content": [{"type": secret}]}]),
        body(metadata={secret: 1}),
        body(response_format={"type": secret}),
    ):
        assert "quick" not in refusal(values).message


def test_deep_schemas_are_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(300):
        schema = {"a": schema}
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}
    assert refusal(body(tools=[tool])).param == "tools[0].function.parameters"
    form = {"type": "json_schema", "json_schema": {"name": "n", "schema": schema}}
    assert refusal(body(response_format=form)).param == "response_format.json_schema.schema"


def test_unsupported_is_its_own_kind() -> None:
    assert isinstance(refusal(body(audio={})), UnsupportedParameter)
