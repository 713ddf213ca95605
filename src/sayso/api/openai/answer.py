"""What every chunk and every answer of one request has in common."""

import time
from dataclasses import dataclass, replace

from starlette.requests import Request

from sayso.api.context import request_context
from sayso.core.chat import TokenLogprob
from sayso.core.usage import TokenUsage
from sayso.ids import CompletionId


@dataclass(frozen=True, slots=True)
class AnswerHead:
    """`model` is the name asked for, `created` in Unix seconds."""

    id: CompletionId
    model: str
    fingerprint: str
    created: int

    @classmethod
    def now(cls, answer_id: CompletionId, model: str, fingerprint: str) -> "AnswerHead":
        """Return the head of an answer that begins at this moment."""
        return cls(answer_id, model, fingerprint, int(time.time()))


def answered(request: Request, head: AnswerHead) -> AnswerHead:
    """Return `head` with the fingerprint of what answers in the end: a request may have spilled over."""
    fingerprint = request_context(request.scope).fingerprint
    return head if fingerprint in ("", head.fingerprint) else replace(head, fingerprint=fingerprint)


def usage_object(usage: TokenUsage) -> dict[str, object]:
    """Return OpenAI's usage object; what this service has none of counts 0."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def logprob_object(entry: TokenLogprob) -> dict[str, object]:
    """Return the chat endpoint's shape of a token's log probability."""
    return {**_bare(entry), "top_logprobs": [_bare(other) for other in entry.top]}


def _bare(entry: TokenLogprob) -> dict[str, object]:
    return {"token": entry.token, "logprob": entry.logprob, "bytes": list(entry.bytes)}
