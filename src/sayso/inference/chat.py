"""A chat's way through: stream the engine's events, settle the usage, whichever way it ends."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import replace
from functools import partial
from typing import TypeVar

from sayso.billing.reservation import Reservation
from sayso.catalog.snapshot import Snapshot
from sayso.core.chat import (
    ChatEvent,
    ChatRequest,
    ChoiceFinished,
    CompletionRequest,
    Finished,
    Sampling,
    Started,
    TextDelta,
    ToolCallDelta,
)
from sayso.core.metering import Outcome, Quantities
from sayso.core.usage import TokenUsage
from sayso.engines.base import ChatEngine
from sayso.errors import InstanceOverloaded
from sayso.inference.admission import Origin, chat_worst, completion_worst, reservation_of
from sayso.inference.cache_salt import CacheSalts
from sayso.inference.keeping import Exchange
from sayso.inference.leasing import chat_lease
from sayso.inference.metering import ChatUsageEvent, UsageLedger
from sayso.inference.routing import ChatRoute

Request = TypeVar("Request", ChatRequest, CompletionRequest)


def run_chat(
    route: ChatRoute,
    origin: Origin,
    request: ChatRequest,
    ledger: UsageLedger,
    exchange: Exchange | None = None,
    *,
    salts: CacheSalts,
) -> AsyncGenerator[ChatEvent, None]:
    """Continue a conversation; yields what the engine yields.

    Where the route is an instance, its turn is waited for. The worst case is held before the engine is asked;
    what the gate or the ledger refuses is raised. The usage is settled before `Finished` is passed on. A
    stream that is closed early settles what the engine says that it generated until it was stopped; one that
    breaks through a fault of ours is recorded and charged nothing; a refusal gives the hold back. `exchange`
    takes down what is said from the moment that the request is admitted, and is stored, where that was asked
    for, before the settlement.
    """

    def begin(engine: ChatEngine, asked: ChatRequest) -> AsyncGenerator[ChatEvent, None]:
        return engine.chat(asked)

    return _run(route, origin, request, ledger, exchange, salts, chat_worst, begin)


def run_completion(
    route: ChatRoute,
    origin: Origin,
    request: CompletionRequest,
    ledger: UsageLedger,
    exchange: Exchange | None = None,
    *,
    salts: CacheSalts,
) -> AsyncGenerator[ChatEvent, None]:
    """Continue raw text, as `run_chat` continues a conversation."""

    def begin(engine: ChatEngine, asked: CompletionRequest) -> AsyncGenerator[ChatEvent, None]:
        return engine.complete(asked)

    return _run(route, origin, request, ledger, exchange, salts, completion_worst, begin)


async def _run(
    route: ChatRoute,
    origin: Origin,
    request: Request,
    ledger: UsageLedger,
    exchange: Exchange | None,
    salts: CacheSalts,
    worst_of: Callable[[ChatRoute, Request], Quantities],
    begin: Callable[[ChatEngine, Request], AsyncGenerator[ChatEvent, None]],
) -> AsyncGenerator[ChatEvent, None]:
    salt = salts.of(origin.caller, keep=exchange is not None)
    asked = _asked(request, route.snapshot, origin, salt)
    worst = worst_of(route, request)
    async with chat_lease(route, worst) as leased:
        origin.leased(leased)
        if exchange is not None:
            exchange.answered_by(leased.info.fingerprint)
        if leased.info.context_length != route.info.context_length:
            worst = worst_of(leased, request)
        reservation = reservation_of(origin, leased, worst)
        metered = _metered(
            partial(begin, leased.engine, asked), leased.engine, reservation, origin, ledger, exchange
        )
        try:
            async with aclosing(metered):
                async for event in metered:
                    yield event
        except InstanceOverloaded:  # too long for the shared pool: it has not spilled after all
            origin.leased(replace(route, instance=None))
            raise


def _asked(request: Request, snapshot: Snapshot, origin: Origin, salt: str) -> Request:
    """Return `request` as the engine is to hear it."""
    sampling = _with_defaults(request.sampling, snapshot)
    return replace(
        request,
        model=snapshot.id,
        sampling=sampling,
        id=origin.request_id,
        cache_salt=salt,
        share=origin.caller.key_id,
        whole=not origin.streamed,
    )


def _with_defaults(sampling: Sampling, snapshot: Snapshot) -> Sampling:
    """Take the snapshot's advice where the caller has none of their own."""
    if sampling.temperature is not None or sampling.top_p is not None:
        return sampling
    return replace(sampling, temperature=snapshot.temperature, top_p=snapshot.top_p)


async def _metered(
    begin: Callable[[], AsyncGenerator[ChatEvent, None]],
    engine: ChatEngine,
    reservation: Reservation,
    origin: Origin,
    ledger: UsageLedger,
    exchange: Exchange | None,
) -> AsyncGenerator[ChatEvent, None]:
    hold = await ledger.reserve(reservation)
    origin.admitted(hold)
    prompt_tokens = completion_tokens = 0
    started = settled = left = False

    def used(usage: TokenUsage, how: Outcome) -> ChatUsageEvent:
        return ChatUsageEvent(origin.caller, reservation.model, reservation.snapshot, usage, how)

    async def used_when_left() -> ChatUsageEvent | None:
        usage = await engine.stop(origin.request_id)
        if usage is None:  # an engine that does not tell: what it has sent
            seen = TokenUsage(prompt_tokens, completion_tokens)
            return used(seen, "disconnected") if started else None
        return used(usage, "disconnected") if usage.total_tokens else None

    try:
        async with aclosing(begin()) as events:
            async for event in events:
                if exchange is not None:
                    exchange.hear(event)
                match event:
                    case Started():
                        started, prompt_tokens = True, event.prompt_tokens
                    case TextDelta() | ToolCallDelta() | ChoiceFinished():
                        completion_tokens = max(completion_tokens, event.completion_tokens)
                    case Finished():
                        if exchange is not None:
                            await exchange.store()
                        settled = True
                        await ledger.settle(hold, used(event.usage, "completed"))
                yield event
    except (GeneratorExit, asyncio.CancelledError):
        left = True
        raise
    finally:
        if exchange is not None:
            exchange.keep()
        if left and not settled:
            await ledger.settle_counted(hold, used_when_left())
        elif not started:
            await ledger.release(hold)
        elif not settled:
            await ledger.settle(hold, used(TokenUsage(prompt_tokens, completion_tokens), "failed"))
