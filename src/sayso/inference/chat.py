"""A chat's way through: stream the engine's events, settle the usage, whichever way it ends."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from sayso.catalog.snapshot import Snapshot
from sayso.core.caller import Caller
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
from sayso.core.usage import TokenUsage
from sayso.errors import EngineError
from sayso.inference.metering import ChatUsageEvent, Outcome, UsageLedger
from sayso.inference.routing import ChatRoute


async def run_chat(
    route: ChatRoute, caller: Caller, request: ChatRequest, ledger: UsageLedger
) -> AsyncGenerator[ChatEvent, None]:
    """Continue a conversation; yields what the engine yields.

    The usage is settled before `Finished` is passed on. A stream that is closed early settles what was
    generated until then, and so does one that the engine breaks.
    """
    sampling = _with_defaults(request.sampling, route.snapshot)
    events = route.engine.chat(replace(request, model=route.snapshot.id, sampling=sampling))
    async with aclosing(_metered(events, route, caller, ledger)) as metered:
        async for event in metered:
            yield event


async def run_completion(
    route: ChatRoute, caller: Caller, request: CompletionRequest, ledger: UsageLedger
) -> AsyncGenerator[ChatEvent, None]:
    """Continue raw text, as `run_chat` continues a conversation."""
    sampling = _with_defaults(request.sampling, route.snapshot)
    events = route.engine.complete(replace(request, model=route.snapshot.id, sampling=sampling))
    async with aclosing(_metered(events, route, caller, ledger)) as metered:
        async for event in metered:
            yield event


def _with_defaults(sampling: Sampling, snapshot: Snapshot) -> Sampling:
    """Take the snapshot's advice where the caller has none of their own."""
    if sampling.temperature is not None or sampling.top_p is not None:
        return sampling
    return replace(sampling, temperature=snapshot.temperature, top_p=snapshot.top_p)


async def _metered(
    events: AsyncGenerator[ChatEvent, None], route: ChatRoute, caller: Caller, ledger: UsageLedger
) -> AsyncGenerator[ChatEvent, None]:
    prompt_tokens = completion_tokens = 0
    started = settled = False
    outcome: Outcome = "disconnected"

    async def settle(usage: TokenUsage, how: Outcome) -> None:
        event = ChatUsageEvent(caller, route.model, route.snapshot.id, usage, how)
        # A cut connection cancels this task; the record must be written all the same.
        await asyncio.shield(ledger.settle(event))

    try:
        async with aclosing(events):
            async for event in events:
                match event:
                    case Started():
                        started, prompt_tokens = True, event.prompt_tokens
                    case TextDelta() | ToolCallDelta() | ChoiceFinished():
                        completion_tokens = max(completion_tokens, event.completion_tokens)
                    case Finished():
                        settled = True
                        await settle(event.usage, "completed")
                yield event
    except EngineError:
        outcome = "failed"
        raise
    finally:
        if started and not settled:
            await settle(TokenUsage(prompt_tokens, completion_tokens), outcome)
