"""Reading a body: counted while it arrives, whatever its headers claim, and against the clock."""

import asyncio
from collections.abc import AsyncGenerator

import orjson
from starlette.requests import Request

from sayso.api.disconnect import ClientDisconnected
from sayso.api.errors import BodyTimeout
from sayso.api.services import Limits
from sayso.core.chat import JsonObject
from sayso.errors import BodyTooLarge, InvalidRequest

_NOT_JSON = (
    "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP "
    "library correctly. The API expects a JSON payload, but what was sent was not valid JSON.)"
)


async def body_chunks(request: Request, limits: Limits) -> AsyncGenerator[bytes, None]:
    """Yield the body as it arrives.

    Raises `BodyTimeout` when it stalls, `ClientDisconnected` when it is cut off.
    """
    clock = asyncio.get_running_loop()
    deadline = clock.time() + limits.body_total_seconds
    more = True
    while more:
        try:
            async with asyncio.timeout_at(min(deadline, clock.time() + limits.body_idle_seconds)):
                message = await request.receive()
        except TimeoutError:
            raise BodyTimeout("The request's body did not arrive in time.") from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnected
        more = message.get("more_body", False)
        if chunk := message.get("body", b""):
            yield chunk


async def read_json(request: Request, limits: Limits) -> JsonObject:
    """Return the body, a JSON object.

    Raises `BodyTooLarge` over `limits.max_body_bytes`, `InvalidRequest` for anything but one JSON object
    without NaN, lone surrogates or NUL characters.
    """
    body = bytearray()
    async for chunk in body_chunks(request, limits):
        body += chunk
        if len(body) > limits.max_body_bytes:
            raise BodyTooLarge(limit=limits.max_body_bytes, received=len(body))
    try:
        parsed = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidRequest(_NOT_JSON) from None
    if not isinstance(parsed, dict):
        raise InvalidRequest("The JSON body of your request must be an object.")
    # A raw NUL is no JSON, so only an escaped one can have come in: look closer where one is spelled.
    if b"\\u0000" in body and _holds_nul(parsed):
        raise InvalidRequest("The request holds a NUL character (U+0000), which no field may.")
    return parsed


def _holds_nul(value: object) -> bool:
    """Return whether a string in `value` has U+0000; without recursion, for nesting may be deep."""
    pending = [value]
    while pending:
        match pending.pop():
            case str() as text if "\0" in text:
                return True
            case list() as items:
                pending.extend(items)
            case dict() as mapping:
                pending.extend(mapping.keys())
                pending.extend(mapping.values())
            case _:
                pass
    return False
