"""An engine for one request: the shared pool's, or a turn at its project's dedicated instance."""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace

from sayso.core.metering import Quantities
from sayso.core.speech import Audio
from sayso.dedicated.forecast import Size
from sayso.dedicated.running import RunningInstance
from sayso.dedicated.watched import WatchedChatEngine, WatchedSpeechEngine
from sayso.errors import EngineUnavailable, InstanceOverloaded
from sayso.inference.routing import ChatRoute, SpeechRoute
from sayso.inference.spilling import SpilledChatEngine

BYTES_OF_TOKEN = 3  # of text, about: an estimate, which the engine corrects once it has read the prompt


def chat_lease(route: ChatRoute, worst: Quantities) -> AbstractAsyncContextManager[ChatRoute]:
    """Return a context that has the route by which a request goes in the end that is `worst` at most.

    It waits where that is an instance whose turn is awaited. Raises `InstanceOverloaded`, and what the shared
    pool raises where a request spills over.
    """
    if route.instance is None:
        return nullcontext(route)
    return _chat_turn(route, route.instance, worst)


def speech_lease(
    route: SpeechRoute, audio: Audio, most_seconds: float | None = None
) -> AbstractAsyncContextManager[SpeechRoute]:
    """Return the same for speech, of which `most_seconds` are heard at most."""
    if route.instance is None:
        return nullcontext(route)
    heard = audio.usage.milliseconds
    if most_seconds is not None:
        heard = min(heard, int(most_seconds * 1_000))
    return _speech_turn(route, route.instance, Size(0, max(1, heard)))


def check_room(route: SpeechRoute) -> None:
    """Raise `EngineOverloaded` where a recording need not even be decoded: the shared pool is full."""
    if route.instance is None:
        route.engine.check_room()


@asynccontextmanager
async def _chat_turn(
    route: ChatRoute, instance: RunningInstance, worst: Quantities
) -> AsyncGenerator[ChatRoute, None]:
    size = Size(worst.prompt_tokens // BYTES_OF_TOKEN + 1, worst.completion_tokens)
    async with AsyncExitStack() as stack:
        try:
            turn = await stack.enter_async_context(instance.enter(size))
        except InstanceOverloaded as refusal:
            taken = await _spilled_chat(route, instance, refusal)
        else:
            if turn.chat is None:
                raise _changed()
            taken = replace(route, engine=WatchedChatEngine(turn.chat, turn.seat), info=turn.info)
        yield taken


@asynccontextmanager
async def _speech_turn(
    route: SpeechRoute, instance: RunningInstance, size: Size
) -> AsyncGenerator[SpeechRoute, None]:
    async with AsyncExitStack() as stack:
        try:
            turn = await stack.enter_async_context(instance.enter(size))
        except InstanceOverloaded:
            if not instance.spills or route.pool is None:
                raise
            info = await route.pool.info()
            taken = replace(route, engine=route.pool, info=info, instance=None, spilled=True)
        else:
            if turn.speech is None:
                raise _changed()
            taken = replace(route, engine=WatchedSpeechEngine(turn.speech, turn.seat), info=turn.info)
        yield taken


async def _spilled_chat(
    route: ChatRoute, instance: RunningInstance, refusal: InstanceOverloaded
) -> ChatRoute:
    """Return the way through the shared pool, which has the same snapshot; raises `refusal` without one.

    Where its context is shorter, its engine decides who fits, by counting.
    """
    if not instance.spills or route.pool is None:
        raise refusal
    info, engine = await route.pool.info(), route.pool
    if info.context_length < route.info.context_length:
        engine = SpilledChatEngine(engine, info.context_length, refusal)
    return replace(route, engine=engine, info=info, instance=None, spilled=True)


def _changed() -> EngineUnavailable:
    return EngineUnavailable("The instance serves another kind of model now; please retry.")
