"""What a request can cost at most, before its work begins."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from sayso.billing.reservation import Hold, IdempotencyClaim, Reservation
from sayso.core.caller import Caller
from sayso.core.chat import ChatRequest, CompletionRequest, Message, Tool
from sayso.core.metering import Quantities
from sayso.core.speech import Audio
from sayso.ids import RequestId
from sayso.inference.routing import ChatRoute, SpeechRoute

# A token stands for at least one byte of text; what a chat template adds is not text of the caller's.
TEMPLATE_TOKENS = 256  # a template's own beginning and end, and the rules for tools
MESSAGE_TOKENS = 32  # around each message
PART_TOKENS = 64  # around each tool and each tool call
UNKNOWN_WINDOW = 16_384  # tokens, of an upstream model that does not tell its own


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a request came from: who, under which id, at which endpoint.

    `leased` is told by which route the request goes, `admitted` of the hold as soon as there is one.
    """

    caller: Caller
    request_id: RequestId
    endpoint: str
    streamed: bool = False
    idempotency: IdempotencyClaim | None = None
    admitted: Callable[[Hold], None] = lambda _: None
    leased: Callable[[ChatRoute | SpeechRoute], None] = lambda _: None


def chat_worst(route: ChatRoute, request: ChatRequest) -> Quantities:
    """Return what a conversation needs at most."""
    window = _window(route)
    prompt = min(window, prompt_bound(request))
    limit = request.max_tokens or route.snapshot.answer_tokens or window
    # What the engine allows for the answer is at least one token less than the window for each message.
    answer = min(limit, max(1, window - len(request.messages)))
    return Quantities(prompt, answer * request.n)


def completion_worst(route: ChatRoute, request: CompletionRequest) -> Quantities:
    """Return what the continuation of raw texts needs at most."""
    window = _window(route)
    sizes = (len(p.encode()) + 1 if isinstance(p, str) else len(p) + 1 for p in request.prompts)
    prompt = sum(min(window, size) for size in sizes)
    answer = min(request.max_tokens, window) * request.n * len(request.prompts)
    return Quantities(prompt, answer)


def speech_reservation(origin: Origin, route: SpeechRoute, audio: Audio) -> Reservation:
    """Return what speech needs: exactly its decoded samples."""
    return reservation_of(origin, route, Quantities(audio_milliseconds=audio.usage.milliseconds))


def prompt_bound(request: ChatRequest) -> int:
    """Return a number of tokens that the rendered conversation can not exceed."""
    messages = sum(_message_bound(message) for message in request.messages)
    tools = sum(_tool_bound(tool) for tool in request.tools)
    return TEMPLATE_TOKENS + messages + tools


def _message_bound(message: Message) -> int:
    texts = [message.content or "", message.name or "", message.tool_call_id or ""]
    for call in message.tool_calls:
        texts += [json.dumps(call.name), call.arguments, call.id]
    size = sum(len(text.encode()) for text in texts)
    return size + MESSAGE_TOKENS + PART_TOKENS * len(message.tool_calls)


def _tool_bound(tool: Tool) -> int:
    # Escaped as ASCII, JSON is at least as long as in any other spelling without extra spaces.
    described = json.dumps([tool.name, tool.description, tool.parameters])
    return len(described) + PART_TOKENS


def _window(route: ChatRoute) -> int:
    return route.info.context_length or route.snapshot.context_length or UNKNOWN_WINDOW


def reservation_of(origin: Origin, route: ChatRoute | SpeechRoute, worst: Quantities) -> Reservation:
    """Return the reservation of a request that needs `worst` at most."""
    return Reservation(
        request_id=origin.request_id,
        caller=origin.caller,
        endpoint=origin.endpoint,
        kind=route.snapshot.kind,
        model=route.model,
        snapshot=route.snapshot.id,
        streamed=origin.streamed,
        worst=worst,
        idempotency=origin.idempotency,
        instance_id=route.instance.id if route.instance else "",
    )
