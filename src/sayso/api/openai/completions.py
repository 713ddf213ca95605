"""POST /v1/completions, the endpoint of 2020."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.body import read_json
from sayso.api.context import noted
from sayso.api.deps import CallerDep, ServicesDep
from sayso.api.openai.answer import AnswerHead, answered
from sayso.api.openai.answering import answer_stream, answer_whole, json_response
from sayso.api.openai.chat_response import collect
from sayso.api.openai.completion_request import completion_call
from sayso.api.openai.completion_response import CompletionStreamEncoder, text_completion
from sayso.api.origin import origin_of
from sayso.core.chat import ChatEvent
from sayso.ids import new_completion_id
from sayso.inference.chat import run_completion

completions_router = APIRouter()


@completions_router.post("/v1/completions")
async def create_completion(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Continue raw text, whole or streamed."""
    values = await read_json(request, services.limits)
    call = completion_call(values, services.vendor_extras)
    origin = origin_of(request, caller, "completions", streamed=call.stream, values=values)
    route = noted(request.scope, await services.router.chat(call.request.model, caller))
    head = AnswerHead.now(new_completion_id(), route.model, route.info.fingerprint)
    exchange = None
    if services.keeper is not None:
        exchange = await services.keeper.begin(
            caller, "completion", head.id, route.snapshot.id, call.request, end_user=call.end_user
        )
    events = run_completion(
        route, origin, call.request, services.ledger, exchange, salts=services.cache_salts
    )
    if call.stream:
        return await answer_stream(
            request, events, lambda: CompletionStreamEncoder(answered(request, head), call).encode
        )

    async def answer(stream: AsyncIterator[ChatEvent]) -> Response:
        choices, usage = await collect(stream, len(call.request.prompts) * call.request.n)
        return json_response(text_completion(answered(request, head), call.request, choices, usage))

    return await answer_whole(request, events, answer)
