"""The one table from `SaysoError` to a status and OpenAI's error object.

Bodies are `{"error": {"message", "type", "param", "code"}}`, all four keys always there.
"""

import math
from dataclasses import dataclass, field

import orjson
from starlette.responses import Response

from sayso.api.rate_limit_headers import rate_limit_headers
from sayso.core.rate_limits import Allowance
from sayso.errors import (
    AudioRejected,
    AuthenticationFailed,
    BodyTooLarge,
    CapacityUnavailable,
    ConfigurationError,
    ContextLengthExceeded,
    EngineError,
    EngineFailed,
    EngineOverloaded,
    EngineUnavailable,
    IdempotencyConflict,
    InstanceOverloaded,
    InstanceStateConflict,
    InvalidRequest,
    ModelNotFound,
    ObjectNotFound,
    PermissionRefused,
    QuotaExceeded,
    RateLimited,
    RequestError,
    SaysoError,
    SnapshotInUse,
    StorageUnavailable,
    UnsupportedParameter,
)

INTERNAL_MESSAGE = "The server had an error while processing your request. Sorry about that!"


class BodyTimeout(RequestError):
    """The body did not arrive in time."""


class UnknownUrl(RequestError):
    """No such route."""

    def __init__(self, method: str, path: str) -> None:
        super().__init__(f"Invalid URL ({method} {_printable(path)})", code="unknown_url")


class MethodNotSupported(RequestError):
    """The route exists, for other verbs."""

    def __init__(self, method: str) -> None:
        super().__init__(
            f"Not allowed to {method} on this endpoint. Try a different HTTP verb.",
            code="method_not_supported",
        )


class Draining(EngineError):
    """The server is stopping and takes no new work."""

    def __init__(self) -> None:
        super().__init__("The server is shutting down. Please retry your request shortly.")


@dataclass(frozen=True, slots=True)
class WireError:
    """An error as it leaves: status, the object's fields, and headers of its own."""

    status: int
    message: str
    type: str
    param: str | None = None
    code: str | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def body(self) -> bytes:
        """The JSON body; also what an error frame in a stream carries."""
        error = {"message": self.message, "type": self.type, "param": self.param, "code": self.code}
        return orjson.dumps({"error": error})

    def response(self) -> Response:
        """Return the whole answer."""
        return Response(self.body, self.status, self.headers, "application/json")


def internal_error() -> WireError:
    """Return what a caller sees of a fault that nobody foresaw: nothing of its cause."""
    return WireError(500, INTERNAL_MESSAGE, "server_error")


_REQUEST_STATUS: dict[type[RequestError], int] = {
    InvalidRequest: 400,
    UnsupportedParameter: 400,
    ContextLengthExceeded: 400,
    AudioRejected: 400,
    AuthenticationFailed: 401,
    PermissionRefused: 403,
    ModelNotFound: 404,
    ObjectNotFound: 404,
    UnknownUrl: 404,
    MethodNotSupported: 405,
    BodyTimeout: 408,
    IdempotencyConflict: 409,
    SnapshotInUse: 409,
    CapacityUnavailable: 409,
    InstanceStateConflict: 409,
    BodyTooLarge: 413,
}


def to_wire(error: SaysoError) -> WireError:
    """Translate `error`; one that is not in the table is an internal error."""
    match error:
        case RateLimited():
            return _rate_limited(error)
        case QuotaExceeded():
            return WireError(
                429, error.message, "insufficient_quota", code=error.code, headers={"x-should-retry": "false"}
            )
        case InstanceOverloaded(retry_after=seconds):
            return _overloaded(error, seconds)
        case RequestError():
            return _request_error(error)
        case EngineOverloaded(retry_after=seconds):
            return _unavailable(error, "server_is_overloaded", seconds)
        case EngineUnavailable(retry_after=seconds):
            return _unavailable(error, None, seconds)
        case StorageUnavailable(retry_after=seconds):
            return _unavailable(error, None, seconds)
        case Draining():
            wire = _unavailable(error, None, 2.0)
            wire.headers["connection"] = "close"
            return wire
        case EngineFailed():
            return WireError(500, error.message, "server_error")
        case ConfigurationError():
            return WireError(500, INTERNAL_MESSAGE, "server_error", headers={"x-should-retry": "false"})
        case _:
            return internal_error()


def _request_error(error: RequestError) -> WireError:
    status = next((_REQUEST_STATUS[kind] for kind in type(error).__mro__ if kind in _REQUEST_STATUS), 400)
    # An upload over the limit has been a "server_error" since the launch, odd as that is.
    kind = "server_error" if status == 413 else "invalid_request_error"
    headers = {"www-authenticate": "Bearer"} if status == 401 else {}
    if isinstance(error, IdempotencyConflict):
        headers["x-should-retry"] = "true" if error.retry else "false"
    elif status == 409:
        headers["x-should-retry"] = "false"  # client libraries repeat a conflict unless they are told not to
    return WireError(status, error.message, kind, error.param, error.code, headers)


def _rate_limited(error: RateLimited) -> WireError:
    """State the limit that was hit; a request that is over it by itself is not worth repeating."""
    headers = {
        "retry-after": str(max(1, math.ceil(error.retry_after))),
        "x-should-retry": "true" if error.requested <= error.limit else "false",
    }
    headers |= rate_limit_headers(error.meter, Allowance(error.limit, error.remaining, error.retry_after))
    return WireError(429, error.message, error.meter, code=error.code, headers=headers)


def _overloaded(error: InstanceOverloaded, retry_after: float) -> WireError:
    """Say to the millisecond when to come back, and in seconds for who does not read that."""
    headers = {
        "retry-after": str(max(1, math.ceil(retry_after))),
        "retry-after-ms": str(max(1, math.ceil(retry_after * 1_000))),
        "x-should-retry": "true",
    }
    return WireError(429, error.message, "requests", code=error.code, headers=headers)


def _unavailable(error: SaysoError, code: str | None, retry_after: float) -> WireError:
    seconds = max(1, math.ceil(retry_after))
    headers = {"retry-after": str(seconds), "x-should-retry": "true"}
    return WireError(503, error.message, "server_error", code=code, headers=headers)


def _printable(path: str) -> str:
    """Return `path` short and without control characters, fit to be repeated."""
    text = "".join(c if c.isprintable() else "?" for c in path[:128])
    return text + "…" if len(path) > 128 else text
