"""Where a request came from, as admission wants to know it."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

import orjson
from starlette.requests import Request

from sayso.api.context import request_context
from sayso.billing.reservation import Hold, IdempotencyClaim
from sayso.core.caller import Caller
from sayso.errors import InvalidRequest
from sayso.inference.admission import Origin
from sayso.inference.routing import ChatRoute, SpeechRoute

HEADER = "idempotency-key"
MAX_KEY = 255  # characters


def origin_of(
    request: Request,
    caller: Caller,
    endpoint: str,
    *,
    streamed: bool,
    values: Mapping[str, object],
    file: bytes | bytearray | None = None,
) -> Origin:
    """Return the request's origin; what is left of the limits goes into its context once it is admitted.

    `values` and `file` are what it asks for. Raises `InvalidRequest` for an idempotency key that is empty or
    over 255 characters.
    """
    context = request_context(request.scope)

    def admitted(hold: Hold) -> None:
        # Audio has no tokens: its answers speak of requests alone, as OpenAI's do.
        heard = endpoint.startswith("audio")
        context.rate_limits = replace(hold.rate_limits, tokens=None) if heard else hold.rate_limits

    def leased(route: ChatRoute | SpeechRoute) -> None:
        context.instance = route.instance.id if route.instance else None
        context.spilled = route.spilled
        context.fingerprint = route.info.fingerprint

    key = idempotency_key(request)
    claim = None if key is None else _claim(key, caller, values, file)
    return Origin(caller, context.request_id, endpoint, streamed, claim, admitted, leased)


def idempotency_key(request: Request) -> str | None:
    """Return the request's idempotency key, None without one.

    Raises `InvalidRequest` for one that is empty or over 255 characters.
    """
    key = request.headers.get(HEADER)
    if key is not None and not 0 < len(key) <= MAX_KEY:
        raise InvalidRequest(f"An idempotency key has 1 to {MAX_KEY} characters.", param="Idempotency-Key")
    return key


def _claim(
    key: str, caller: Caller, values: Mapping[str, object], file: bytes | bytearray | None
) -> IdempotencyClaim:
    # The organization goes into both, so that equal requests of two organizations look unlike.
    params = _digest(caller, orjson.dumps(values, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS))
    params.update(file or b"")
    return IdempotencyClaim(_digest(caller, key.encode()).digest(), params.digest())


def _digest(caller: Caller, content: bytes) -> "hashlib._Hash":
    return hashlib.sha256(caller.org_id.encode() + b"\0" + content)
