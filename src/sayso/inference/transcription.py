"""Speech's way through: hold its price, stream the engine's events, settle the seconds heard."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from sayso.core.metering import Outcome
from sayso.core.speech import Audio, LanguageProbability, SpeechEvent, SpeechFinished, SpeechRequest
from sayso.inference.admission import Origin, speech_reservation
from sayso.inference.keeping import Exchange
from sayso.inference.leasing import speech_lease
from sayso.inference.metering import SpeechUsageEvent, UsageLedger
from sayso.inference.routing import SpeechRoute

DETECTION_SECONDS = 30.0  # of a clip are listened to at most to tell its language


async def run_transcription(
    route: SpeechRoute,
    origin: Origin,
    request: SpeechRequest,
    ledger: UsageLedger,
    exchange: Exchange | None = None,
) -> AsyncGenerator[SpeechEvent, None]:
    """Transcribe or translate; yields what the engine yields, settles before `SpeechFinished`.

    Waits for an instance, holds, settles and releases as `run_chat` does; a client that leaves pays for all
    of its audio.
    """
    async with speech_lease(route, request.audio) as leased:
        origin.leased(leased)
        transcribed = _transcribed(leased, origin, request, ledger, exchange)
        async with aclosing(transcribed):
            async for event in transcribed:
                yield event


async def _transcribed(
    route: SpeechRoute,
    origin: Origin,
    request: SpeechRequest,
    ledger: UsageLedger,
    exchange: Exchange | None,
) -> AsyncGenerator[SpeechEvent, None]:
    hold = await ledger.reserve(speech_reservation(origin, route, request.audio))
    origin.admitted(hold)
    started = settled = False
    outcome: Outcome = "failed"

    async def settle(how: Outcome) -> None:
        usage = request.audio.usage
        event = SpeechUsageEvent(origin.caller, route.model, route.snapshot.id, request.task, usage, how)
        await ledger.settle(hold, event)

    try:
        events = route.engine.transcribe(replace(request, model=route.snapshot.id))
        async with aclosing(events):
            async for event in events:
                started = True
                if exchange is not None:
                    exchange.hear(event)
                if isinstance(event, SpeechFinished):
                    settled = True
                    await settle("completed")
                yield event
    except (GeneratorExit, asyncio.CancelledError):
        outcome = "disconnected"
        raise
    finally:
        if exchange is not None:
            exchange.keep()
        if not started:
            await ledger.release(hold)
        elif not settled:
            await settle(outcome)


async def run_language_detection(
    route: SpeechRoute,
    origin: Origin,
    audio: Audio,
    ledger: UsageLedger,
    exchange: Exchange | None = None,
) -> tuple[LanguageProbability, ...]:
    """Return the probable languages of a clip, the most probable first; it costs what hearing it does."""
    async with speech_lease(route, audio, DETECTION_SECONDS) as leased:
        origin.leased(leased)
        return await _detected(leased, origin, audio, ledger, exchange)


async def _detected(
    route: SpeechRoute,
    origin: Origin,
    audio: Audio,
    ledger: UsageLedger,
    exchange: Exchange | None,
) -> tuple[LanguageProbability, ...]:
    hold = await ledger.reserve(speech_reservation(origin, route, audio))
    origin.admitted(hold)
    try:
        languages = await route.engine.detect_language(route.snapshot.id, audio)
    except BaseException:
        await ledger.release(hold)
        raise
    else:
        if exchange is not None:
            exchange.answer.hear_languages(languages)
    finally:
        if exchange is not None:
            exchange.keep()
    event = SpeechUsageEvent(
        origin.caller, route.model, route.snapshot.id, "detect", audio.usage, "completed"
    )
    await ledger.settle(hold, event)
    return languages
