"""The legacy endpoint's answers, whole and streamed: one shape for both."""

import codecs

import orjson

from sayso.api.openai.answer import AnswerHead, usage_object
from sayso.api.openai.completion_request import CompletionCall
from sayso.api.openai.usage_tail import UsageTail
from sayso.api.sse import DONE, frame
from sayso.core.chat import ChatEvent, ChoiceFinished, CompletionRequest, Finished, TextDelta, TokenLogprob
from sayso.core.collected import CollectedChoice
from sayso.core.usage import TokenUsage


class LegacyLogprobs:
    """Builds the four parallel lists of one choice.

    `text_offset` counts characters of prompt and completion together; it starts at 0 where the prompt is
    echoed, and for prompts of token ids, whose length in characters nobody knows here.
    """

    def __init__(self, request: CompletionRequest, index: int) -> None:
        prompt = request.prompts[index // request.n]
        self._offset = 0 if request.echo or not isinstance(prompt, str) else len(prompt)
        self._alternatives = bool(request.logprobs)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def lists(self, entries: list[TokenLogprob] | tuple[TokenLogprob, ...]) -> dict[str, object]:
        """Return the lists for the next `entries`."""
        offsets: list[int] = []
        for entry in entries:
            offsets.append(self._offset)
            self._offset += len(self._decoder.decode(bytes(entry.bytes)))
        return {
            "tokens": [entry.token for entry in entries],
            "token_logprobs": [entry.logprob for entry in entries],
            "top_logprobs": [_alternatives(entry) for entry in entries] if self._alternatives else None,
            "text_offset": offsets,
        }


def text_completion(
    head: AnswerHead, request: CompletionRequest, choices: tuple[CollectedChoice, ...], usage: TokenUsage
) -> dict[str, object]:
    """Return the `text_completion` object."""
    return {
        **_fields(head),
        "choices": [
            {
                "text": "".join(choice.text),
                "index": index,
                "logprobs": None
                if request.logprobs is None
                else LegacyLogprobs(request, index).lists(choice.logprobs),
                "finish_reason": choice.reason,
            }
            for index, choice in enumerate(choices)
        ],
        "usage": usage_object(usage),
    }


class CompletionStreamEncoder:
    """Renders the events of one request as frames."""

    def __init__(self, head: AnswerHead, call: CompletionCall) -> None:
        self._head = b"data: " + orjson.dumps(_fields(head))[:-1] + b","
        self._fields = _fields(head)
        self._include_usage = call.include_usage
        self._tail = UsageTail(include=call.include_usage, continuous=call.continuous_usage)
        count = len(call.request.prompts) * call.request.n
        self._logprobs = (
            None
            if call.request.logprobs is None
            else [LegacyLogprobs(call.request, index) for index in range(count)]
        )

    def encode(self, event: ChatEvent) -> bytes:
        """Return the frames for `event`, empty where it has none."""
        match event:
            case TextDelta():
                if not event.text and not event.logprobs:
                    return b""
                logprobs = self._logprobs and self._logprobs[event.index].lists(event.logprobs)
                return self._chunk(event, event.text, logprobs or None, None)
            case ChoiceFinished():
                return self._chunk(event, "", None, event.reason)
            case Finished():
                return self._usage(event.usage) + DONE
            case _:
                self._tail.after(event)
                return b""

    def _chunk(
        self, event: TextDelta | ChoiceFinished, text: str, logprobs: object, reason: str | None
    ) -> bytes:
        choice = {"text": text, "index": event.index, "logprobs": logprobs, "finish_reason": reason}
        return self._head + b'"choices":' + orjson.dumps([choice]) + self._tail.after(event)

    def _usage(self, usage: TokenUsage) -> bytes:
        if not self._include_usage:
            return b""
        return frame(orjson.dumps({**self._fields, "choices": [], "usage": usage_object(usage)}))


def _fields(head: AnswerHead) -> dict[str, object]:
    return {
        "id": head.id,
        "object": "text_completion",
        "created": head.created,
        "model": head.model,
        "system_fingerprint": head.fingerprint,
    }


def _alternatives(entry: TokenLogprob) -> dict[str, float]:
    """Return token → log probability of the best ones and the chosen one."""
    return {other.token: other.logprob for other in (*entry.top, entry)}
