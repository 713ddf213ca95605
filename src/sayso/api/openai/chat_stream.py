"""A chat's events as frames of `chat.completion.chunk`.

Order: per choice the role, then content or tool calls, then an empty delta with the finish reason; at the
end, where asked for, a chunk without choices but with usage; last `[DONE]`. A token's chunk is the hot
path, so all of it but the text is rendered once.
"""

import orjson

from sayso.api.openai.answer import AnswerHead, logprob_object, usage_object
from sayso.api.openai.usage_tail import UsageTail
from sayso.api.sse import DONE
from sayso.core.chat import (
    ChatEvent,
    ChoiceFinished,
    Finished,
    Started,
    TextDelta,
    TokenLogprob,
    ToolCallDelta,
)

_PLAIN_END = b'},"logprobs":null,"finish_reason":null}]'


class ChatStreamEncoder:
    """Renders the events of one request; `encode` is pure but for what was rendered before."""

    def __init__(
        self,
        head: AnswerHead,
        *,
        choices: int = 1,
        include_usage: bool = False,
        continuous_usage: bool = False,
        logprobs: bool = False,
        legacy_functions: bool = False,
    ) -> None:
        self._head = _head_bytes(head)
        self._tail = UsageTail(include=include_usage, continuous=continuous_usage)
        self._choices = choices
        self._include_usage = include_usage
        self._logprobs = logprobs
        self._legacy = legacy_functions
        self._content = [
            self._head + b'"choices":[{"index":%d,"delta":{"content":' % index for index in range(choices)
        ]

    def encode(self, event: ChatEvent) -> bytes:
        """Return the frames for `event`, empty where it has none."""
        match event:
            case TextDelta():
                return self._text(event)
            case ToolCallDelta():
                return self._function_call(event) if self._legacy else self._tool_call(event)
            case Started():
                return b"".join(self._role(event, index) for index in range(self._choices))
            case ChoiceFinished():
                reason: str = event.reason
                if self._legacy and reason == "tool_calls":
                    reason = "function_call"
                return self._chunk(event, event.index, {}, finish_reason=reason)
            case Finished():
                return self._usage(event) + DONE

    def _text(self, event: TextDelta) -> bytes:
        if not self._logprobs:
            if not event.text:
                return b""
            text = orjson.dumps(event.text)
            return self._content[event.index] + text + _PLAIN_END + self._tail.after(event)
        if not event.text and not event.logprobs:
            return b""
        return self._chunk(event, event.index, {"content": event.text}, _logprobs_object(event.logprobs))

    def _role(self, event: Started, index: int) -> bytes:
        delta: dict[str, object] = {"role": "assistant", "content": "", "refusal": None}
        return self._chunk(event, index, delta, _logprobs_object(()) if self._logprobs else None)

    def _tool_call(self, event: ToolCallDelta) -> bytes:
        function: dict[str, object] = {"arguments": event.arguments}
        call: dict[str, object] = {"index": event.call}
        if event.name is not None:
            call |= {"id": event.id, "type": "function"}
            function = {"name": event.name, **function}
        return self._chunk(event, event.index, {"tool_calls": [{**call, "function": function}]})

    def _function_call(self, event: ToolCallDelta) -> bytes:
        if event.call:
            return b""  # the old form has room for one
        call = {"arguments": event.arguments}
        if event.name is not None:
            call = {"name": event.name, **call}
        return self._chunk(event, event.index, {"function_call": call})

    def _chunk(
        self,
        event: ChatEvent,
        index: int,
        delta: dict[str, object],
        logprobs: object = None,
        finish_reason: str | None = None,
    ) -> bytes:
        choice = {"index": index, "delta": delta, "logprobs": logprobs, "finish_reason": finish_reason}
        return self._head + b'"choices":' + orjson.dumps([choice]) + self._tail.after(event)

    def _usage(self, event: Finished) -> bytes:
        if not self._include_usage:
            return b""
        return self._head + b'"choices":[],"usage":' + orjson.dumps(usage_object(event.usage)) + b"}\n\n"


def _head_bytes(head: AnswerHead) -> bytes:
    fields = {
        "id": head.id,
        "object": "chat.completion.chunk",
        "created": head.created,
        "model": head.model,
        "service_tier": "default",
        "system_fingerprint": head.fingerprint,
    }
    return b"data: " + orjson.dumps(fields)[:-1] + b","


def _logprobs_object(entries: tuple[TokenLogprob, ...]) -> dict[str, object]:
    return {"content": [logprob_object(entry) for entry in entries], "refusal": None}
