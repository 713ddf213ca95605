"""Every way in which sayso refuses or fails, without a word of HTTP.

    SaysoError
    ├── ConfigurationError             settings or catalogue are wrong: stop and say so
    │   └── IntegrityError             a model's file is not what its digest says
    ├── RequestError                   the caller can mend it
    │   ├── InvalidRequest             a field is wrong (param, code)
    │   │   ├── UnsupportedParameter   right in OpenAI's API, impossible for this model's engine
    │   │   ├── ContextLengthExceeded  prompt and answer do not fit the window
    │   │   └── AudioRejected          the upload is no audio that can be decoded
    │   ├── BodyTooLarge               the upload is over the limit
    │   ├── AuthenticationFailed       no key, or not one of ours
    │   ├── PermissionRefused          a good key without this right
    │   ├── ModelNotFound              no such model here
    │   │   └── ModelRetired           there was one of that name, and it was shut down
    │   ├── ObjectNotFound             no such object, or a stranger's
    │   ├── RateLimited                too much in this minute or day: come back after `retry_after`
    │   ├── QuotaExceeded              the budget is spent, or not enough of it is left
    │   ├── IdempotencyConflict        another request has, or had, this idempotency key
    │   ├── SnapshotInUse              somebody needs the snapshot that is to be removed
    │   ├── CapacityUnavailable        no machine here has that much left
    │   ├── InstanceStateConflict      a dedicated instance can not do this in the state that it is in
    │   └── InstanceOverloaded         as many requests as its load allows: come back after `retry_after`
    ├── AmountOverflow                 an amount that 64 bits can not hold
    ├── StorageUnavailable             the database does not answer: come back after `retry_after`
    └── EngineError                    the caller did nothing wrong
        ├── EngineOverloaded           the queue is full: come back after `retry_after`
        ├── EngineUnavailable          loading, restarting or gone
        └── EngineFailed               broke while it worked

The table that gives each an HTTP status is `sayso.api.errors`. Messages are meant for the caller: they
never hold content, file names or keys of somebody else.
"""

import math
from datetime import UTC, datetime
from typing import Literal


class SaysoError(Exception):
    """The root of everything that sayso raises on purpose."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class ConfigurationError(SaysoError):
    """Settings or the model catalogue are wrong; the message names the setting."""


class IntegrityError(ConfigurationError):
    """A model's file is missing or not the bytes that its snapshot states; the message names the file."""


class RequestError(SaysoError):
    """The caller can mend the request."""

    def __init__(self, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.param = param
        self.code = code


class InvalidRequest(RequestError):
    """A field is wrong: `param` is its path in the request, `code` what is wrong with it."""


class UnsupportedParameter(InvalidRequest):
    """The parameter exists in OpenAI's API but this model's engine can not honour it."""

    def __init__(self, param: str, message: str | None = None) -> None:
        text = message or f"Unsupported parameter: '{param}' is not supported with this model."
        super().__init__(text, param=param, code="unsupported_parameter")


class ContextLengthExceeded(InvalidRequest):
    """Prompt and requested completion do not fit the context window. All counts are tokens."""

    def __init__(
        self,
        *,
        context_length: int,
        prompt_tokens: int,
        completion_tokens: int = 0,
        param: str = "messages",
    ) -> None:
        part = "messages" if param == "messages" else "prompt"
        if completion_tokens:
            detail = (
                f"you requested {prompt_tokens + completion_tokens} tokens ({prompt_tokens} in the "
                f"{part}, {completion_tokens} in the completion). Please reduce the length of the "
                f"{part} or completion."
            )
        else:
            detail = (
                f"your {part} resulted in {prompt_tokens} tokens. Please reduce the length of the {part}."
            )
        super().__init__(
            f"This model's maximum context length is {context_length} tokens. However, {detail}",
            param=param,
            code="context_length_exceeded",
        )
        self.context_length = context_length
        self.prompt_tokens = prompt_tokens
        self.completion_tokens = completion_tokens


class AudioRejected(InvalidRequest):
    """The uploaded bytes are no audio that can be decoded; the message says why."""


class BodyTooLarge(RequestError):
    """The body is over the limit. Both counts are bytes; `received` is what had been read."""

    def __init__(self, *, limit: int, received: int) -> None:
        super().__init__(f"Maximum content size limit ({limit}) exceeded ({received} bytes read)")
        self.limit = limit
        self.received = received


class AuthenticationFailed(RequestError):
    """There is no key in the request, or it is not a valid one."""


class PermissionRefused(RequestError):
    """The key is valid but may not do this."""


class ModelNotFound(RequestError):
    """No model of that name is served here."""

    def __init__(self, model: str) -> None:
        super().__init__(
            f"The model `{model}` does not exist or you do not have access to it.",
            code="model_not_found",
        )


class ModelRetired(ModelNotFound):
    """A model of that name was shut down, at `moment` in Unix seconds; `replacement` may be empty."""

    def __init__(self, model: str, moment: float, replacement: str = "") -> None:
        super().__init__(model)
        day = datetime.fromtimestamp(moment, UTC).date().isoformat()
        advice = f" Use `{replacement}` instead." if replacement else ""
        self.message = f"The model `{model}` has been deprecated and was shut down on {day}.{advice}"


class SnapshotInUse(RequestError):
    """A snapshot can not be removed: the message says who holds it."""

    def __init__(self, snapshot: str, reason: str) -> None:
        super().__init__(f"The snapshot `{snapshot}` can not be removed: {reason}.", code="snapshot_in_use")


class ObjectNotFound(RequestError):
    """No such object, or one of another tenant: the two answer alike."""


class RateLimited(RequestError):
    """A limit is reached. `meter` is what it limits; `retry_after` is in seconds.

    `remaining` is what is left of `limit` until the period ends; `requested` was more. `scope` names in the
    message whose limit it is, such as `organization org_…`.
    """

    def __init__(
        self,
        *,
        meter: Literal["requests", "tokens", "audio_seconds"],
        period: Literal["minute", "day"],
        limit: int,
        remaining: int,
        requested: int,
        retry_after: float,
        model: str,
        scope: str,
    ) -> None:
        unit = f"{meter.replace('_', ' ')} per {'min' if period == 'minute' else 'day'}"
        if requested > limit:
            advice = "This request is too large for the limit: it would be refused at any time."
        else:
            advice = f"Please try again in {max(1, math.ceil(retry_after))}s."
        super().__init__(
            f"Rate limit reached for {model} in {scope} on {unit}: Limit {limit}, "
            f"Used {limit - remaining}, Requested {requested}. {advice}",
            code="rate_limit_exceeded",
        )
        self.meter = meter
        self.limit = limit
        self.remaining = remaining
        self.requested = requested
        self.retry_after = retry_after


class QuotaExceeded(RequestError):
    """A hard budget has no room for the request's worst case; waiting for a moment does not help."""

    def __init__(
        self, message: str = "You exceeded your current quota, please check your plan and billing details."
    ) -> None:
        super().__init__(message, code="insufficient_quota")


class IdempotencyConflict(RequestError):
    """The idempotency key is that of another request, `request_id`; `retry`: whether coming back helps."""

    def __init__(self, message: str, *, code: str, request_id: str, retry: bool = False) -> None:
        super().__init__(message, code=code)
        self.request_id = request_id
        self.retry = retry


class CapacityUnavailable(RequestError):
    """What is wanted is more than the machines have left; `param` names what there is too little of."""

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message, param=param, code="capacity_unavailable")


class InstanceStateConflict(RequestError):
    """A dedicated instance can not do `verb` while it is in `state`."""

    def __init__(self, verb: str, state: str) -> None:
        super().__init__(f"The instance is {state}: it can not {verb} now.", code="instance_state_conflict")
        self.verb = verb
        self.state = state


class InstanceOverloaded(RequestError):
    """A dedicated instance has as many requests as its load settings allow.

    `retry_after` is the seconds until one more would be let in, as those that run go on.
    """

    def __init__(self, *, retry_after: float) -> None:
        super().__init__(
            "The dedicated instance is at the limit of its load settings. "
            f"Please try again in {math.ceil(retry_after * 1_000)} ms.",
            code="instance_overloaded",
        )
        self.retry_after = retry_after


class AmountOverflow(SaysoError):
    """An amount or a sum that a signed 64-bit number of nano-dollars can not hold."""

    def __init__(self) -> None:
        super().__init__("An amount is too large to be kept.")


class StorageUnavailable(SaysoError):
    """The database does not answer, or can not keep anything now. `retry_after` is in seconds.

    The cause holds what the database said, which is for operators only.
    """

    def __init__(
        self,
        message: str = "The server can not reach its storage. Please retry shortly.",
        *,
        retry_after: float = 1.0,
    ) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineError(SaysoError):
    """The service's fault, never the caller's."""


class EngineOverloaded(EngineError):
    """The engine's queue is full. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineUnavailable(EngineError):
    """The engine is loading, restarting or gone. `retry_after` is in seconds."""

    def __init__(self, message: str, *, retry_after: float = 2.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class EngineFailed(EngineError):
    """The engine broke while it worked on this request."""
