"""From the body of a chat completion request to the core's `ChatRequest`."""

from dataclasses import dataclass, field
from typing import Any

from sayso.api.field_errors import combination_error, missing
from sayso.api.openai.chat_messages import ContentParts, content_parts, mentions_json, messages
from sayso.api.openai.chat_schemas import ChatBody
from sayso.api.openai.chat_tools import tooling
from sayso.api.openai.request_rules import (
    check_metadata,
    check_schema_depth,
    continuous_usage,
    include_usage,
    sampling,
    stop_texts,
)
from sayso.api.services import VendorExtras
from sayso.api.validation import parse
from sayso.core.chat import (
    ChatRequest,
    JsonObject,
    JsonObjectFormat,
    JsonSchemaFormat,
    Message,
    ResponseFormat,
    TextFormat,
)
from sayso.errors import InvalidRequest, UnsupportedParameter

_NEED_OTHER_MODELS = {
    "audio": "This model does not produce audio: 'audio' is not supported.",
    "web_search_options": "This model does not search the web: 'web_search_options' is not supported.",
    "moderation": "Moderation of input and output is not offered: 'moderation' is not supported.",
}


@dataclass(frozen=True, slots=True)
class ChatCall:
    """A chat request with what only its answer's form depends on.

    `legacy_functions` asks for `function_call` in place of `tool_calls`, `store` for being stored, with
    `metadata` and, for each message whose content came in parts, these parts. `end_user` is whom the caller
    names as its own user.
    """

    request: ChatRequest
    stream: bool = False
    include_usage: bool = False
    legacy_functions: bool = False
    continuous_usage: bool = False
    store: bool = False
    metadata: dict[str, str] = field(default_factory=dict[str, str])
    content_parts: ContentParts = field(default_factory=list[Any])
    end_user: str | None = None


def chat_call(body: JsonObject, extras: VendorExtras) -> ChatCall:
    """Read a request's body. Raises `InvalidRequest`, `UnsupportedParameter` naming the field."""
    wire = parse(ChatBody, body, extras)
    _refuse_what_text_models_lack(wire)
    check_metadata(wire.metadata)
    conversation = messages(wire.messages)
    tools = tooling(wire)
    stream = bool(wire.stream)
    request = ChatRequest(
        model=wire.model,
        messages=conversation,
        sampling=sampling(wire),
        max_tokens=_max_tokens(wire),
        n=wire.n or 1,
        stop=stop_texts(wire.stop),
        logprobs=bool(wire.logprobs),
        top_logprobs=_top_logprobs(wire),
        tools=tools.tools,
        tool_choice=tools.choice,
        parallel_tool_calls=tools.parallel,
        response_format=_response_format(wire, conversation),
    )
    usage = include_usage(stream, wire.stream_options)
    return ChatCall(
        request,
        stream,
        usage,
        tools.legacy,
        continuous_usage(wire.stream_options),
        bool(wire.store),
        wire.metadata or {},
        content_parts(wire.messages) if wire.store else [],
        wire.safety_identifier or wire.user,
    )


def _refuse_what_text_models_lack(wire: ChatBody) -> None:
    for param, message in _NEED_OTHER_MODELS.items():
        if getattr(wire, param) is not None:
            raise UnsupportedParameter(param, message)
    if wire.modalities is not None and "audio" in wire.modalities:
        raise UnsupportedParameter("modalities", "This model answers with text: 'audio' is not supported.")
    if wire.service_tier not in (None, "auto", "default"):
        raise InvalidRequest(
            f"Invalid service_tier argument: '{wire.service_tier}'. Use 'auto' or 'default'.",
            param="service_tier",
        )


def _max_tokens(wire: ChatBody) -> int | None:
    if wire.max_tokens is not None and wire.max_completion_tokens is not None:
        raise combination_error(
            "max_tokens",
            "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.",
        )
    return wire.max_completion_tokens if wire.max_tokens is None else wire.max_tokens


def _top_logprobs(wire: ChatBody) -> int:
    count = wire.top_logprobs or 0
    if count and not wire.logprobs:
        raise combination_error(
            "top_logprobs", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled."
        )
    return count


def _response_format(wire: ChatBody, conversation: tuple[Message, ...]) -> ResponseFormat:
    if wire.response_format is None or wire.response_format.type == "text":
        return TextFormat()
    if wire.response_format.type == "json_object":
        if not mentions_json(conversation):
            raise InvalidRequest(
                "'messages' must contain the word 'json' in some form, to use 'response_format' of type "
                "'json_object'.",
                param="messages",
            )
        return JsonObjectFormat()
    definition = wire.response_format.json_schema
    if definition is None:
        raise missing("response_format.json_schema")
    check_schema_depth("response_format.json_schema.schema", definition.schema_)
    return JsonSchemaFormat(
        definition.name, definition.schema_ or {}, definition.description, bool(definition.strict)
    )
