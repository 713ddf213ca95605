"""Errors on the wire: what a host answers, and what the gateway makes of any server's answer."""

from typing import Any

from sayso.errors import (
    ContextLengthExceeded,
    EngineFailed,
    EngineOverloaded,
    EngineUnavailable,
    InvalidRequest,
    RequestError,
    SaysoError,
    UnsupportedParameter,
)


class MissingUpstream(EngineFailed):
    """The server does not have what was asked of it."""


def encode_error(error: SaysoError) -> tuple[int, dict[str, Any], dict[str, str]]:
    """Return status, JSON body and headers for `error`."""
    match error:
        case RequestError():
            body = _envelope(error.message, "invalid_request_error", error.param, error.code)
            if isinstance(error, ContextLengthExceeded):
                body["error"]["context"] = {
                    "context_length": error.context_length,
                    "prompt_tokens": error.prompt_tokens,
                    "completion_tokens": error.completion_tokens,
                }
            return 400, body, {}
        case EngineOverloaded() | EngineUnavailable():
            code = "server_is_overloaded" if isinstance(error, EngineOverloaded) else "unavailable"
            headers = {"retry-after": f"{max(1, round(error.retry_after))}"}
            return 503, _envelope(error.message, "server_error", None, code), headers
        case _:
            return 500, _envelope(error.message, "server_error", None, None), {}


def decode_error(status: int, body: object, retry_after: str | None) -> SaysoError:
    """Return the error that an answer of `status` stands for, whoever sent it."""
    error = _error_object(body)
    message = str(error.get("message") or f"the engine answered with status {status}")
    param, code = error.get("param"), error.get("code")
    wait = _seconds(retry_after)
    match status:
        case 400 | 413 | 422:
            context = error.get("context")
            if isinstance(context, dict):
                return ContextLengthExceeded(**context, param=str(param or "messages"))
            if code == "unsupported_parameter" and param:
                return UnsupportedParameter(str(param), message)
            return InvalidRequest(
                message,
                param=str(param) if param else None,
                code=code if isinstance(code, str) else None,
            )
        case 401 | 403:
            return EngineUnavailable("The upstream server refused this server's own key.", retry_after=60.0)
        case 404 | 405:
            return MissingUpstream("The upstream server has no such model or endpoint.")
        case 429:
            return EngineOverloaded(message, retry_after=wait or 1.0)
        case 503 if code == "server_is_overloaded":
            return EngineOverloaded(message, retry_after=wait or 1.0)
        case 502 | 503 | 504:
            return EngineUnavailable(message, retry_after=wait or 2.0)
        case _:
            return EngineFailed(f"The engine failed (status {status}).")


def encode_stream_error(error: SaysoError) -> dict[str, Any]:
    """Return the `error` object for the middle of a stream; it says the status that came too late."""
    status, body, headers = encode_error(error)
    body["error"] |= {"status": status, "retry_after": headers.get("retry-after")}
    return body


def decode_stream_error(body: object) -> SaysoError:
    """Return the error for an `error` object that came in the middle of a stream."""
    error = _error_object(body)
    status = error.get("status")
    if isinstance(status, int) and status != 500:
        return decode_error(status, body, error.get("retry_after"))
    return EngineFailed(str(error.get("message") or "The engine failed while it generated."))


def _envelope(message: str, kind: str, param: str | None, code: str | None) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _error_object(body: object) -> dict[str, Any]:
    if isinstance(body, dict):
        error = body.get("error", body)  # vLLM once sent the inner object alone
        if isinstance(error, dict):
            return error
        if isinstance(error, str):
            return {"message": error}
    return {}


def _seconds(header: str | None) -> float | None:
    try:
        return float(header) if header else None
    except ValueError:
        return None
