"""POST /v1/audio/transcriptions, /translations, and /languages, which is ours."""

from collections.abc import AsyncIterator
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import PlainTextResponse, Response

from sayso.api.context import noted
from sayso.api.deps import CallerDep, ServicesDep
from sayso.api.disconnect import unless_disconnected
from sayso.api.field_errors import missing
from sayso.api.openai.answering import answer_stream, answer_whole, json_response
from sayso.api.openai.audio_request import SpeechCall, detection_call, transcription_call, translation_call
from sayso.api.openai.audio_stream import TranscriptStreamEncoder
from sayso.api.openai.multipart import read_form
from sayso.api.origin import origin_of
from sayso.api.services import Services
from sayso.audio.formats import Transcript, render
from sayso.core.caller import Caller
from sayso.core.languages import language_name
from sayso.core.speech import Audio, Segment, SpeechEvent, SpeechFinished, SpeechStarted
from sayso.engines.wire.multipart import FILE_FIELD, Form
from sayso.errors import AudioRejected, EngineFailed, InvalidRequest
from sayso.inference.admission import Origin
from sayso.inference.exchange import Asked
from sayso.inference.keeping import Exchange
from sayso.inference.leasing import check_room
from sayso.inference.routing import SpeechRoute
from sayso.inference.transcription import run_language_detection, run_transcription
from sayso.retention.content import Kind

MIN_SECONDS = 0.1

audio_router = APIRouter()


@audio_router.post("/v1/audio/transcriptions")
async def create_transcription(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Turn speech into text in its own language."""
    form = await read_form(request, services.limits)
    return await _spoken(
        request, caller, services, form, transcription_call(form.fields, services.vendor_extras)
    )


@audio_router.post("/v1/audio/translations")
async def create_translation(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Turn speech into English text."""
    form = await read_form(request, services.limits)
    return await _spoken(
        request, caller, services, form, translation_call(form.fields, services.vendor_extras)
    )


@audio_router.post("/v1/audio/languages")
async def detect_languages(request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Name the probable languages of a clip, the most probable first."""
    form = await read_form(request, services.limits)
    call = detection_call(form.fields, services.vendor_extras)
    route = noted(request.scope, await services.router.speech(call.model, caller))
    check_room(route)
    origin = _origin(request, caller, "audio.languages", form)
    exchange = await _exchange(services, origin, "detection", route, {}, form)
    audio = await _decode(request, services, form, route)
    languages = await unless_disconnected(
        request.receive, run_language_detection(route, origin, audio, services.ledger, exchange)
    )
    return json_response(
        {
            "object": "audio.languages",
            "languages": [
                {
                    "language": found.language,
                    "name": language_name(found.language),
                    "probability": round(found.probability, 6),
                }
                for found in languages[: call.limit]
            ],
            "duration": audio.seconds,
            "usage": {"type": "duration", "seconds": audio.usage.whole_seconds},
        }
    )


async def _spoken(
    request: Request, caller: Caller, services: Services, form: Form, call: SpeechCall
) -> Response:
    route = noted(request.scope, await services.router.speech(call.model, caller))
    _check_language(route, call.language)
    check_room(route)
    endpoint = "audio.translations" if call.task == "translate" else "audio.transcriptions"
    origin = _origin(request, caller, endpoint, form, streamed=call.stream)
    kind: Kind = "translation" if call.task == "translate" else "transcription"
    exchange = await _exchange(services, origin, kind, route, call.parameters, form)
    audio = await _decode(request, services, form, route)
    events = run_transcription(route, origin, call.request(audio), services.ledger, exchange)
    if call.stream:
        return await answer_stream(request, events, lambda: TranscriptStreamEncoder().encode)

    async def answer(stream: AsyncIterator[SpeechEvent]) -> Response:
        return _rendered(await _collect(stream, call), call)

    return await answer_whole(request, events, answer)


def _origin(request: Request, caller: Caller, endpoint: str, form: Form, *, streamed: bool = False) -> Origin:
    return origin_of(
        request, caller, endpoint, streamed=streamed, values={"fields": form.fields}, file=form.file
    )


async def _exchange(
    services: Services, origin: Origin, kind: Kind, route: SpeechRoute, asked: Asked, form: Form
) -> Exchange | None:
    """Begin the record of a request with its upload as it came, where that may be kept."""
    if services.keeper is None:
        return None
    return await services.keeper.begin(
        origin.caller, kind, origin.request_id, route.snapshot.id, asked, audio=form.file
    )


def _check_language(route: SpeechRoute, language: str | None) -> None:
    known = route.snapshot.languages
    if language is not None and known and language not in known:
        raise InvalidRequest(
            f"Invalid 'language': this model does not know '{language}'.",
            param="language",
            code="invalid_value",
        )


async def _decode(request: Request, services: Services, form: Form, route: SpeechRoute) -> Audio:
    """Decode the form's file and let go of it. Raises `AudioRejected`, `InvalidRequest` without a file."""
    content, form.file = form.file, None
    if content is None:
        raise missing(FILE_FIELD)
    work = _decoded(services, content, route.own_cores) if content else None
    audio = await unless_disconnected(request.receive, work) if work else None
    if audio is None or audio.seconds < MIN_SECONDS:
        raise AudioRejected(
            "Audio file is too short. Minimum audio length is 0.1 seconds.",
            param=FILE_FIELD,
            code="audio_too_short",
        )
    return audio


async def _decoded(services: Services, content: bytearray, cores: tuple[int, ...]) -> Audio:
    return await services.decoder.decode(content, cores)


async def _collect(events: AsyncIterator[SpeechEvent], call: SpeechCall) -> Transcript:
    started: SpeechStarted | None = None
    finished: SpeechFinished | None = None
    segments: list[Segment] = []
    async for event in events:
        match event:
            case SpeechStarted():
                started = event
            case Segment():
                segments.append(event)
            case SpeechFinished():
                finished = event
    if started is None or finished is None:
        raise EngineFailed("The model stopped before the transcript was complete.")
    coverage = finished.coverage if call.coverage else None
    return Transcript(call.task, started.language, finished.usage, tuple(segments), coverage)


def _rendered(transcript: Transcript, call: SpeechCall) -> Response:
    body: Any = render(transcript, call.response_format, call.granularities)
    return PlainTextResponse(body) if isinstance(body, str) else json_response(body)
