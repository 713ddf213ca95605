"""The HTTP application."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from sayso.api.admin.accounts import account_routers
from sayso.api.admin.instance_routers import instance_routers
from sayso.api.admin.models import model_routers
from sayso.api.admin.money import money_routers
from sayso.api.console.attempts import Attempts
from sayso.api.console.keys import console_keys_router
from sayso.api.console.routes import console_router
from sayso.api.direct_route import DirectApi, DirectEndpoints, direct_routes
from sayso.api.documentation.routes import documentation_router
from sayso.api.errors import MethodNotSupported, UnknownUrl, WireError, to_wire
from sayso.api.health import health_router
from sayso.api.middleware import RequestFrame
from sayso.api.openai.audio import audio_router
from sayso.api.openai.chat import chat_router
from sayso.api.openai.completions import completions_router
from sayso.api.openai.models import models_router
from sayso.api.openai.stored_completions import stored_completions_router
from sayso.api.services import Services
from sayso.api.validation import invalid_request
from sayso.errors import SaysoError

_OPENAI = (chat_router, stored_completions_router, completions_router, models_router, audio_router)


def create_api(services: Services) -> FastAPI:
    """Return the application; it starts and stops nothing.

    FastAPI's pages are off, for they load scripts from elsewhere; `/docs` and `/openapi.json` are ours.
    """
    app = DirectApi(title="sayso", openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.services = services
    app.state.attempts = Attempts()
    pages = (health_router, documentation_router, console_keys_router, console_router)
    rooms = (*account_routers, *money_routers, *model_routers, *instance_routers)
    for router in (*_OPENAI, *pages, *rooms):
        app.include_router(router)
    app.add_exception_handler(SaysoError, _sayso_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)
    ledger, health, metrics = services.ledger, services.health, services.metrics
    app.add_middleware(RequestFrame, ledger=ledger, health=health, metrics=metrics)
    routes = direct_routes(_OPENAI)
    app.direct_keys = frozenset(routes)
    app.direct = RequestFrame(DirectEndpoints(routes, services), ledger, health, metrics)
    return app


async def _sayso_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, SaysoError)
    return to_wire(error).response()


async def _validation_error(request: Request, error: Exception) -> Response:
    """Translate what FastAPI itself found wrong, with `query`, `path` and `body` cut off the location."""
    assert isinstance(error, RequestValidationError)
    first = dict(error.errors()[0])
    first["loc"] = tuple(first["loc"])[1:] or first["loc"]
    return to_wire(invalid_request(first)).response()


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return to_wire(UnknownUrl(request.method, request.url.path)).response()
    if error.status_code == 405:
        wire = to_wire(MethodNotSupported(request.method))
        wire.headers.update(error.headers or {})
        return wire.response()
    return WireError(
        error.status_code, "The request could not be served.", "invalid_request_error"
    ).response()
