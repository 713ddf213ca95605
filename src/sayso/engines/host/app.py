"""The host's ASGI application, the same on a unix socket and in a cluster's replica."""

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TypeAlias, cast

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sayso.core.chat import ChatEvent
from sayso.core.speech import Audio, LanguageProbability, SpeechRequest, Task
from sayso.engines.base import ChatEngine, Outlet, PushingChatEngine, SpeechEngine
from sayso.engines.host.line import Line
from sayso.engines.host.streaming import EventStream
from sayso.engines.wire.chat_events import ChatEventEncoder
from sayso.engines.wire.chat_request import decode_chat_request, decode_completion_request
from sayso.engines.wire.errors import encode_error
from sayso.engines.wire.multipart import Form, FormReader
from sayso.engines.wire.speech import encode_languages, encode_speech_event, read_wav
from sayso.errors import SaysoError

ChatEvents: TypeAlias = AsyncGenerator[ChatEvent, None]

UPLOAD_LIMIT = 1 << 32  # bytes; a host takes decoded audio, whose length the gateway has bounded


def create_host(engine: ChatEngine | SpeechEngine) -> Starlette:
    """Return the application that serves `engine`, chat or speech, whichever methods it has."""
    routes = [Route("/v1/info", _info)]
    if hasattr(engine, "chat"):
        routes += [
            Route("/v1/chat/completions", _chat, methods=["POST"]),
            Route("/v1/completions", _complete, methods=["POST"]),
            Route("/v1/stopped/{request_id}", _stopped),
        ]
    if hasattr(engine, "transcribe"):
        routes += [
            Route("/v1/audio/transcriptions", _transcribe, methods=["POST"]),
            Route("/v1/audio/translations", _translate, methods=["POST"]),
            Route("/v1/audio/languages", _languages, methods=["POST"]),
        ]
    app = Starlette(routes=routes, exception_handlers={SaysoError: _refuse})
    app.state.engine = engine
    return app


async def _refuse(request: Request, error: Exception) -> Response:
    status, body, headers = encode_error(cast("SaysoError", error))
    return Response(orjson.dumps(body), status, headers, media_type="application/json")


async def _info(request: Request) -> Response:
    info = await request.app.state.engine.info()
    return Response(orjson.dumps(info), media_type="application/json")


async def _chat(request: Request) -> Response:
    engine: ChatEngine = request.app.state.engine
    chat = decode_chat_request(orjson.loads(await request.body()))
    into = partial(engine.chat_into, chat) if isinstance(engine, PushingChatEngine) else None
    return _streamed(request, partial(engine.chat, chat), into)


async def _complete(request: Request) -> Response:
    engine: ChatEngine = request.app.state.engine
    completion = decode_completion_request(orjson.loads(await request.body()))
    into = partial(engine.complete_into, completion) if isinstance(engine, PushingChatEngine) else None
    return _streamed(request, partial(engine.complete, completion), into)


def _streamed(
    request: Request, plain: Callable[[], ChatEvents], into: Callable[[Outlet], ChatEvents] | None
) -> Response:
    """Send an engine's events: past the event loop where it can and the socket is there for it."""
    encode = ChatEventEncoder().encode
    if into is not None and (line := Line.of(request.scope, encode)):
        return EventStream(into(line), encode, line)
    return EventStream(plain(), encode)


async def _stopped(request: Request) -> Response:
    engine: ChatEngine = request.app.state.engine
    usage = await engine.stop(request.path_params["request_id"])
    return Response(orjson.dumps(usage), media_type="application/json")


async def _transcribe(request: Request) -> Response:
    return await _speech(request, "transcribe")


async def _translate(request: Request) -> Response:
    return await _speech(request, "translate")


async def _speech(request: Request, task: Task) -> Response:
    engine: SpeechEngine = request.app.state.engine
    form = await _form(request)
    speech = SpeechRequest(
        model=form.text("model") or "",
        audio=read_wav(_content(form)),
        task=task,
        language=form.text("language"),
        prompt=form.text("prompt"),
        temperature=float(form.text("temperature") or 0.0),
        word_timestamps="word" in form.fields.get("timestamp_granularities", ()),
        coverage=form.text("coverage") == "true",
    )
    return EventStream(engine.transcribe(speech), encode_speech_event)


async def _languages(request: Request) -> Response:
    engine: SpeechEngine = request.app.state.engine
    form = await _form(request)
    found = _detect(engine, form.text("model") or "", read_wav(_content(form)))
    return EventStream(found, encode_languages)


async def _detect(
    engine: SpeechEngine, model: str, audio: Audio
) -> AsyncGenerator[tuple[LanguageProbability, ...], None]:
    yield await engine.detect_language(model, audio)


async def _form(request: Request) -> Form:
    reader = FormReader(request.headers.get("content-type"), UPLOAD_LIMIT)
    async for piece in request.stream():
        reader.feed(piece)
    return reader.finish()


def _content(form: Form) -> memoryview:
    return memoryview(form.file if form.file is not None else b"")
