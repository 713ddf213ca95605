"""Chat events as OpenAI stream chunks, and back."""

from typing import Any

import orjson

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

DONE = b"data: [DONE]\n\n"


class ChatEventEncoder:
    """Writes one stream's events as SSE frames of `chat.completion.chunk` objects.

    Every frame carries the usage so far, so that a stream that is cut can still be billed.
    """

    def __init__(self) -> None:
        self._prompt_tokens = 0

    def encode(self, event: ChatEvent) -> bytes:
        """Return the frame or frames for `event`."""
        match event:
            case Started():
                self._prompt_tokens = event.prompt_tokens
                choice: dict[str, Any] = {"index": 0, "delta": {"role": "assistant", "content": ""}}
                return self._frame([choice], 0)
            case TextDelta():
                choice = {"index": event.index, "delta": {"content": event.text}}
                if event.logprobs:
                    choice["logprobs"] = {"content": [_encode_logprob(item) for item in event.logprobs]}
                return self._frame([choice], event.completion_tokens)
            case ToolCallDelta():
                function: dict[str, Any] = {"arguments": event.arguments}
                if event.name is not None:
                    function["name"] = event.name
                call: dict[str, Any] = {"index": event.call, "function": function}
                if event.id is not None:
                    call |= {"id": event.id, "type": "function"}
                choice = {"index": event.index, "delta": {"tool_calls": [call]}}
                return self._frame([choice], event.completion_tokens)
            case ChoiceFinished():
                choice = {"index": event.index, "delta": {}, "finish_reason": event.reason}
                return self._frame([choice], event.completion_tokens)
            case Finished():
                usage = event.usage
                body = {"choices": [], "usage": _encode_usage(usage)}
                return b"data: " + orjson.dumps(body) + b"\n\n" + DONE

    def _frame(self, choices: list[dict[str, Any]], completion_tokens: int) -> bytes:
        usage = {
            "prompt_tokens": self._prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": self._prompt_tokens + completion_tokens,
        }
        return b"data: " + orjson.dumps({"choices": choices, "usage": usage}) + b"\n\n"


class ChatEventDecoder:
    """Reads the chunks of one stream; `text_field` is `content` (chat) or `text` (legacy completions)."""

    def __init__(self) -> None:
        self._started = False
        self._usage: dict[str, Any] | None = None  # as it was last told
        self._deltas = 0

    @property
    def started(self) -> bool:
        """True once a first chunk has come."""
        return self._started

    def decode(self, chunk: dict[str, Any]) -> list[ChatEvent]:
        """Return the events of one chunk."""
        events: list[ChatEvent] = []
        if usage := chunk.get("usage"):
            self._usage = usage
        if not self._started:
            self._started = True
            events.append(Started(_decode_usage(self._usage or {}).prompt_tokens))
        for choice in chunk.get("choices", ()):
            self._decode_choice(choice, events)
        return events

    def finish(self) -> Finished:
        """Return the last event, with the last usage that was seen."""
        if self._usage is None:  # a server that counts nothing: a delta is about a token
            return Finished(TokenUsage(0, self._deltas))
        return Finished(_decode_usage(self._usage))

    def _decode_choice(self, choice: dict[str, Any], events: list[ChatEvent]) -> None:
        index = choice["index"]
        delta = choice.get("delta") or {}
        logprobs = choice.get("logprobs")
        text = delta.get("content") or choice.get("text") or ""
        items = _decode_logprobs(logprobs) if logprobs else ()
        if text or items:
            self._deltas += 1
            events.append(TextDelta(index, text, items, self._completion_tokens))
        for call in delta.get("tool_calls") or ():
            self._deltas += 1
            function = call.get("function") or {}
            events.append(
                ToolCallDelta(
                    index,
                    call.get("index", 0),
                    function.get("arguments") or "",
                    call.get("id"),
                    function.get("name"),
                    self._completion_tokens,
                )
            )
        if reason := choice.get("finish_reason"):
            events.append(ChoiceFinished(index, reason, self._completion_tokens))

    @property
    def _completion_tokens(self) -> int:
        return self._deltas if self._usage is None else self._usage.get("completion_tokens") or 0


def _encode_usage(usage: TokenUsage) -> dict[str, Any]:
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
    }


def _decode_usage(body: dict[str, Any]) -> TokenUsage:
    details = body.get("prompt_tokens_details") or {}
    return TokenUsage(
        body.get("prompt_tokens") or 0,
        body.get("completion_tokens") or 0,
        details.get("cached_tokens") or 0,
    )


def _encode_logprob(item: TokenLogprob) -> dict[str, Any]:
    return {
        "token": item.token,
        "bytes": list(item.bytes),
        "logprob": item.logprob,
        "top_logprobs": [_encode_logprob(other) for other in item.top],
    }


def _decode_logprobs(body: dict[str, Any]) -> tuple[TokenLogprob, ...]:
    if "content" in body:
        return tuple(_decode_logprob(item) for item in body["content"] or ())
    # The legacy endpoint's shape: parallel lists.
    tops = body.get("top_logprobs") or [None] * len(body.get("tokens") or ())
    return tuple(
        TokenLogprob(
            token,
            tuple(token.encode()),
            logprob or 0.0,
            tuple(TokenLogprob(text, tuple(text.encode()), value) for text, value in (top or {}).items()),
        )
        for token, logprob, top in zip(
            body.get("tokens") or (), body.get("token_logprobs") or (), tops, strict=True
        )
    )


def _decode_logprob(item: dict[str, Any]) -> TokenLogprob:
    raw = item.get("bytes")
    return TokenLogprob(
        item["token"],
        tuple(raw) if raw is not None else tuple(item["token"].encode()),
        item["logprob"],
        tuple(_decode_logprob(other) for other in item.get("top_logprobs") or ()),
    )
