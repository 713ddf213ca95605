"""POST /v1/chat/completions."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.body import read_json
from sayso.api.context import noted
from sayso.api.deps import CallerDep, ServicesDep
from sayso.api.openai.answer import AnswerHead, answered
from sayso.api.openai.answering import answer_stream, answer_whole, json_response
from sayso.api.openai.chat_request import ChatCall, chat_call
from sayso.api.openai.chat_response import chat_completion, collect
from sayso.api.openai.chat_stream import ChatStreamEncoder
from sayso.api.openai.stored_completion import to_store
from sayso.api.origin import origin_of
from sayso.api.services import Services
from sayso.core.caller import Caller
from sayso.core.chat import ChatEvent
from sayso.ids import new_chat_completion_id
from sayso.inference.chat import run_chat
from sayso.inference.keeping import Exchange
from sayso.inference.routing import ChatRoute

STORED_HEADER = "x-sayso-stored"  # `false` where a request asked to be stored and may not be

chat_router = APIRouter()


@chat_router.post("/v1/chat/completions")
async def create_chat_completion(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Continue a conversation, whole or streamed."""
    values = await read_json(request, services.limits)
    call = chat_call(values, services.vendor_extras)
    origin = origin_of(request, caller, "chat.completions", streamed=call.stream, values=values)
    route = noted(request.scope, await services.router.chat(call.request.model, caller))
    head = AnswerHead.now(new_chat_completion_id(), route.model, route.info.fingerprint)
    exchange = await _exchange(services, caller, call, head, route)
    events = run_chat(route, origin, call.request, services.ledger, exchange, salts=services.cache_salts)
    response = await (_streamed if call.stream else _whole)(request, call, head, events)
    if call.store and (exchange is None or exchange.to_store is None):
        response.headers[STORED_HEADER] = "false"
    return response


async def _exchange(
    services: Services, caller: Caller, call: ChatCall, head: AnswerHead, route: ChatRoute
) -> Exchange | None:
    """Begin the record of a request, where anything of it may be kept."""
    if services.keeper is None:
        return None
    wish = to_store(head, call) if call.store else None
    return await services.keeper.begin(
        caller, "chat", head.id, route.snapshot.id, call.request, to_store=wish, end_user=call.end_user
    )


async def _streamed(
    request: Request, call: ChatCall, head: AnswerHead, events: AsyncGenerator[ChatEvent, None]
) -> Response:
    def encoder() -> Callable[[ChatEvent], bytes]:
        return ChatStreamEncoder(
            answered(request, head),
            choices=call.request.n,
            include_usage=call.include_usage,
            continuous_usage=call.continuous_usage,
            logprobs=call.request.logprobs,
            legacy_functions=call.legacy_functions,
        ).encode

    return await answer_stream(request, events, encoder)


async def _whole(
    request: Request, call: ChatCall, head: AnswerHead, events: AsyncGenerator[ChatEvent, None]
) -> Response:
    async def answer(stream: AsyncIterator[ChatEvent]) -> Response:
        choices, usage = await collect(stream, call.request.n)
        completion = chat_completion(
            answered(request, head),
            choices,
            usage,
            logprobs=call.request.logprobs,
            legacy_functions=call.legacy_functions,
        )
        return json_response(completion)

    return await answer_whole(request, events, answer)
