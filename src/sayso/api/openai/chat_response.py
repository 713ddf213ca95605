"""A whole chat answer, collected from the same events that a stream is made of."""

from collections.abc import AsyncIterator

from sayso.api.openai.answer import AnswerHead, logprob_object, usage_object
from sayso.core.chat import (
    ChatEvent,
    ChoiceFinished,
    Finished,
    Started,
    TextDelta,
    ToolCallDelta,
)
from sayso.core.collected import CollectedCall, CollectedChoice
from sayso.core.usage import TokenUsage
from sayso.errors import EngineFailed


async def collect(
    events: AsyncIterator[ChatEvent], choices: int
) -> tuple[tuple[CollectedChoice, ...], TokenUsage]:
    """Read `events` to their end. Raises `EngineFailed` for a stream that stops short."""
    collected = tuple(CollectedChoice() for _ in range(choices))
    usage: TokenUsage | None = None
    async for event in events:
        match event:
            case TextDelta() | ToolCallDelta() | ChoiceFinished():
                collected[event.index].take(event)
            case Finished():
                usage = event.usage
            case Started():
                pass
    if usage is None or any(choice.reason is None for choice in collected):
        raise EngineFailed("The model stopped before its answer was complete.")
    return collected, usage


def chat_completion(
    head: AnswerHead,
    choices: tuple[CollectedChoice, ...],
    usage: TokenUsage,
    *,
    logprobs: bool = False,
    legacy_functions: bool = False,
) -> dict[str, object]:
    """Return the `chat.completion` object."""
    return {
        "id": head.id,
        "object": "chat.completion",
        "created": head.created,
        "model": head.model,
        "choices": [
            _choice(index, choice, logprobs, legacy_functions) for index, choice in enumerate(choices)
        ],
        "usage": usage_object(usage),
        "service_tier": "default",
        "system_fingerprint": head.fingerprint,
    }


def _choice(index: int, choice: CollectedChoice, logprobs: bool, legacy: bool) -> dict[str, object]:
    reason: str | None = choice.reason
    if legacy and reason == "tool_calls":
        reason = "function_call"
    entries = [logprob_object(entry) for entry in choice.logprobs]
    return {
        "index": index,
        "message": _message(choice, legacy),
        "logprobs": {"content": entries, "refusal": None} if logprobs else None,
        "finish_reason": reason,
    }


def _message(choice: CollectedChoice, legacy: bool) -> dict[str, object]:
    text = "".join(choice.text)
    message: dict[str, object] = {
        "role": "assistant",
        "content": None if choice.calls and not text else text,
        "refusal": None,
        "annotations": [],
    }
    calls = [choice.calls[index] for index in sorted(choice.calls)]
    if calls and legacy:
        message["function_call"] = _function(calls[0])
    elif calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": _function(call)} for call in calls
        ]
    return message


def _function(call: CollectedCall) -> dict[str, object]:
    return {"name": call.name, "arguments": "".join(call.arguments)}
