"""Speech's way through: stream the engine's events, settle the seconds heard."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

from sayso.core.caller import Caller
from sayso.core.speech import Audio, LanguageProbability, SpeechEvent, SpeechFinished, SpeechRequest
from sayso.errors import EngineError
from sayso.inference.metering import Outcome, SpeechUsageEvent, UsageLedger
from sayso.inference.routing import SpeechRoute


async def run_transcription(
    route: SpeechRoute, caller: Caller, request: SpeechRequest, ledger: UsageLedger
) -> AsyncGenerator[SpeechEvent, None]:
    """Transcribe or translate; yields what the engine yields, settles before `SpeechFinished`."""
    started = settled = False
    outcome: Outcome = "disconnected"

    async def settle(how: Outcome) -> None:
        event = SpeechUsageEvent(
            caller, route.model, route.snapshot.id, request.task, request.audio.usage, how
        )
        await asyncio.shield(ledger.settle(event))

    try:
        events = route.engine.transcribe(replace(request, model=route.snapshot.id))
        async with aclosing(events):
            async for event in events:
                started = True
                if isinstance(event, SpeechFinished):
                    settled = True
                    await settle("completed")
                yield event
    except EngineError:
        outcome = "failed"
        raise
    finally:
        if started and not settled:
            await settle(outcome)


async def run_language_detection(
    route: SpeechRoute, caller: Caller, audio: Audio, ledger: UsageLedger
) -> tuple[LanguageProbability, ...]:
    """Return the probable languages of a clip, the most probable first."""
    languages = await route.engine.detect_language(route.snapshot.id, audio)
    event = SpeechUsageEvent(caller, route.model, route.snapshot.id, "detect", audio.usage, "completed")
    await asyncio.shield(ledger.settle(event))
    return languages
