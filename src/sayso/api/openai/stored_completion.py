"""The shapes of stored completions: kept content back in the form that it was answered in."""

from typing import Any

from sayso.api.openai.answer import AnswerHead
from sayso.api.openai.chat_request import ChatCall
from sayso.api.openai.chat_response import chat_completion
from sayso.core.chat import TokenLogprob
from sayso.core.collected import CollectedCall, CollectedChoice
from sayso.core.usage import TokenUsage
from sayso.ids import CompletionId
from sayso.inference.keeping import ToStore
from sayso.inference.stored_completions import StoredCompletion


def to_store(head: AnswerHead, call: ChatCall) -> ToStore:
    """Return what else it takes to show the answer, and the messages, again."""
    return ToStore(
        {
            "created": head.created,
            "model": head.model,
            "system_fingerprint": head.fingerprint,
            "legacy_functions": call.legacy_functions,
            "content_parts": call.content_parts,
        },
        call.metadata,
    )


def completion_object(stored: StoredCompletion) -> dict[str, object]:
    """Return the `chat.completion` object with its metadata."""
    answer: Any = stored.answer
    head = AnswerHead(
        CompletionId(stored.id), answer["model"], answer["system_fingerprint"], answer["created"]
    )
    completion = chat_completion(
        head,
        tuple(_choice(choice) for choice in answer["choices"]),
        TokenUsage(**answer["usage"]),
        logprobs=bool(stored.request["logprobs"]),
        legacy_functions=answer["legacy_functions"],
    )
    return {**completion, "metadata": dict(stored.metadata)}


def message_objects(stored: StoredCompletion) -> list[dict[str, object]]:
    """Return the messages that it answered, each with an id; `content` joins what came in parts."""
    messages: Any = stored.request["messages"]
    parts: Any = stored.answer.get("content_parts") or [None] * len(messages)
    return [
        {"id": f"{stored.id}-{place}", **_message(message), "content_parts": parts[place]}
        for place, message in enumerate(messages)
    ]


def _choice(kept: Any) -> CollectedChoice:
    calls = {
        place: CollectedCall(call["id"], call["name"], [call["arguments"]])
        for place, call in enumerate(kept.get("tool_calls", ()))
    }
    logprobs = [_logprob(entry) for entry in kept.get("logprobs", ())]
    return CollectedChoice([kept["text"]], logprobs, calls, kept["finish_reason"])


def _logprob(kept: Any) -> TokenLogprob:
    top = tuple(_logprob(other) for other in kept["top"])
    return TokenLogprob(kept["token"], tuple(kept["bytes"]), kept["logprob"], top)


def _message(kept: Any) -> dict[str, object]:
    shown: dict[str, object] = {"role": kept["role"], "content": kept["content"], "refusal": None}
    if kept["name"] is not None:
        shown["name"] = kept["name"]
    if kept["tool_call_id"] is not None:
        shown["tool_call_id"] = kept["tool_call_id"]
    if kept["tool_calls"]:
        shown["tool_calls"] = [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": call["name"], "arguments": call["arguments"]},
            }
            for call in kept["tool_calls"]
        ]
    return shown
