"""Messages from the wire: each role's needs checked, content parts joined into text."""

from typing import TypeAlias

from sayso.api.field_errors import invalid_value, missing
from sayso.api.openai.chat_schemas import ChatMessage, ContentPart, MessageToolCall
from sayso.core.chat import Json, Message, ToolCall
from sayso.errors import InvalidRequest, UnsupportedParameter

_OTHER_MODALITIES = ("image_url", "input_audio", "file")

ContentParts: TypeAlias = list[Json]

_LEGACY_CALL = "call_{index}"  # function_call had no id


def messages(wire: list[ChatMessage]) -> tuple[Message, ...]:
    """Return the conversation. Raises `InvalidRequest` with the path of what is wrong."""
    return tuple(_message(f"messages[{index}]", index, message) for index, message in enumerate(wire))


def content_parts(wire: list[ChatMessage]) -> ContentParts:
    """Return the parts of each message's content as they came; None for a message that has a text or none."""
    return [
        [{"type": part.type, part.type: _part_text("", part, message.role)} for part in message.content]
        if isinstance(message.content, list)
        else None
        for message in wire
    ]


def mentions_json(conversation: tuple[Message, ...]) -> bool:
    """Return whether any message holds the word "json", which OpenAI demands beside `json_object`."""
    return any(message.content and "json" in message.content.lower() for message in conversation)


def _message(path: str, index: int, message: ChatMessage) -> Message:
    content = _content(path, message)
    calls: tuple[ToolCall, ...] = ()
    match message.role:
        case "assistant":
            calls = _calls(path, index, message)
            content = message.refusal if content is None else content
        case "tool":
            if not message.tool_call_id:
                raise missing(f"{path}.tool_call_id")
        case "function":
            if not message.name:
                raise missing(f"{path}.name")
            content = content or ""
        case _:
            pass
    if message.audio is not None:
        raise UnsupportedParameter(f"{path}.audio")
    if content is None and not calls:
        raise InvalidRequest(
            f"Invalid value for '{path}.content': expected a string or an array, got null.",
            param=f"{path}.content",
            code="invalid_type",
        )
    return Message(message.role, content, message.name, calls, message.tool_call_id)


def _content(path: str, message: ChatMessage) -> str | None:
    """Return the content as one text; parts are set off by line breaks."""
    if message.content is None or isinstance(message.content, str):
        return message.content
    texts = (
        _part_text(f"{path}.content[{index}]", part, message.role)
        for index, part in enumerate(message.content)
    )
    return "\n".join(texts)


def _part_text(path: str, part: ContentPart, role: str) -> str:
    match part.type:
        case "text":
            text = part.text
        case "refusal" if role == "assistant":
            text = part.refusal
        case kind if kind in _OTHER_MODALITIES:
            raise UnsupportedParameter(
                path,
                f"Invalid content type at '{path}': {kind} is not supported with this model.",
            )
        case kind:
            supported = "'text', 'refusal'" if role == "assistant" else "'text'"
            raise invalid_value(f"{path}.type", kind, supported)
    if text is None:
        raise missing(f"{path}.{part.type}")
    return text


def _calls(path: str, index: int, message: ChatMessage) -> tuple[ToolCall, ...]:
    if message.tool_calls:
        return tuple(
            _tool_call(f"{path}.tool_calls[{place}]", call) for place, call in enumerate(message.tool_calls)
        )
    if message.function_call is not None:
        call = message.function_call
        return (ToolCall(_LEGACY_CALL.format(index=index), call.name, call.arguments),)
    return ()


def _tool_call(path: str, call: MessageToolCall) -> ToolCall:
    if call.type == "custom":
        raise UnsupportedParameter(path, f"Custom tool calls are not supported with this model: '{path}'.")
    if call.function is None:
        raise missing(f"{path}.function")
    return ToolCall(call.id, call.function.name, call.function.arguments)
