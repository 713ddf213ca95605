"""From the body of a legacy completion request to the core's `CompletionRequest`."""

from dataclasses import dataclass
from typing import Any

from sayso.api.field_errors import array_too_short, below_minimum, invalid_type, missing
from sayso.api.openai.completion_schemas import CompletionBody
from sayso.api.openai.request_rules import continuous_usage, include_usage, sampling, stop_texts
from sayso.api.services import VendorExtras
from sayso.api.validation import parse
from sayso.core.chat import CompletionRequest, JsonObject
from sayso.errors import InvalidRequest, UnsupportedParameter

MAX_CHOICES = 2048  # of all prompts together
MAX_TOKEN_ID = 2**31 - 1
DEFAULT_MAX_TOKENS = 16
_EXPECTED = "one of a string, array of strings, array of integers, or array of integer arrays"


@dataclass(frozen=True, slots=True)
class CompletionCall:
    """A completion request with what only its answer's form depends on, and the caller's own user."""

    request: CompletionRequest
    stream: bool = False
    include_usage: bool = False
    continuous_usage: bool = False
    end_user: str | None = None


def completion_call(body: JsonObject, extras: VendorExtras) -> CompletionCall:
    """Read a request's body. Raises `InvalidRequest`, `UnsupportedParameter` naming the field."""
    wire = parse(CompletionBody, body, extras)
    n = wire.n or 1
    _check_best_of(wire.best_of, n)
    if wire.suffix:
        raise UnsupportedParameter("suffix")
    prompts = _prompts(wire.prompt)
    if len(prompts) * n > MAX_CHOICES:
        raise InvalidRequest(
            f"Invalid 'prompt': at most {MAX_CHOICES} choices (prompts × n) fit in one request.",
            param="prompt",
            code="array_above_max_length",
        )
    stream = bool(wire.stream)
    request = CompletionRequest(
        model=wire.model,
        prompts=prompts,
        sampling=sampling(wire),
        max_tokens=_max_tokens(wire),
        n=n,
        stop=stop_texts(wire.stop),
        logprobs=wire.logprobs,
        echo=bool(wire.echo),
    )
    usage = include_usage(stream, wire.stream_options)
    return CompletionCall(request, stream, usage, continuous_usage(wire.stream_options), wire.user)


def _check_best_of(best_of: int | None, n: int) -> None:
    if best_of is None or best_of == n:
        return
    if best_of < n:
        raise InvalidRequest(
            "Invalid 'best_of': it must be at least 'n'.", param="best_of", code="invalid_value"
        )
    raise UnsupportedParameter("best_of", "'best_of' greater than 'n' is not supported with this model.")


def _max_tokens(wire: CompletionBody) -> int:
    if wire.max_tokens is None:
        return DEFAULT_MAX_TOKENS
    if wire.max_tokens == 0 and not wire.echo:
        raise below_minimum("max_tokens", 0, 1)
    return wire.max_tokens


def _prompts(prompt: Any) -> tuple[str | tuple[int, ...], ...]:
    match prompt:
        case None:
            raise missing("prompt")
        case str():
            return (prompt,)
        case []:
            raise array_too_short("prompt", 0, 1)
        case [str(), *_] if all(isinstance(item, str) for item in prompt):
            return tuple(prompt)
        case [list(), *_]:
            return tuple(_token_ids(f"prompt[{index}]", item) for index, item in enumerate(prompt))
        case [int(), *_]:
            return (_token_ids("prompt", prompt),)
        case _:
            raise invalid_type("prompt", _EXPECTED, prompt)


def _token_ids(path: str, ids: Any) -> tuple[int, ...]:
    if not isinstance(ids, list):
        raise invalid_type(path, "an array of integers", ids)
    if not ids:
        raise array_too_short(path, 0, 1)
    for item in ids:
        # bool is an int in Python, but not in JSON
        if type(item) is not int:
            raise invalid_type(path, "an array of integers", ids)
        if not 0 <= item <= MAX_TOKEN_ID:
            raise InvalidRequest(
                f"Invalid '{path}': {item} is no token id.", param=path, code="invalid_value"
            )
    return tuple(ids)
