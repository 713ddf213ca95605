"""The endpoints of every request, called without the layers that the others need.

FastAPI's middlewares, its router and its dependency solver cost as much as the whole rest of a short answer.
"""

from collections.abc import Awaitable, Callable, Iterable
from inspect import signature
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from sayso.api.console.door import go_through, leads_through
from sayso.api.deps import caller_of
from sayso.api.errors import to_wire
from sayso.api.services import Services
from sayso.errors import SaysoError

Endpoint = Callable[[Request, Any, Services], Awaitable[Response]]
Key = tuple[str, str]  # a method and a path

_DIRECT = ["request", "caller", "services"]


def direct_routes(routers: Iterable[APIRouter]) -> dict[Key, APIRoute]:
    """Return the routes with a fixed path whose endpoint takes `(request, caller, services)` and no more."""
    return {
        (method, route.path): route
        for router in routers
        for route in router.routes
        if isinstance(route, APIRoute)
        and "{" not in route.path
        and list(signature(route.endpoint).parameters) == _DIRECT
        for method in route.methods or ()
    }


class DirectEndpoints:
    """Answers the requests to `routes`; errors become what the application's table makes of them."""

    def __init__(self, routes: dict[Key, APIRoute], services: Services) -> None:
        self._routes = routes
        self._services = services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        route = self._routes[scope["method"], scope["path"]]
        scope["route"] = route
        try:
            response = await self._answer(route.endpoint, Request(scope, receive, send))
        except SaysoError as error:
            response = to_wire(error).response()
        await response(scope, receive, send)

    async def _answer(self, endpoint: Endpoint, request: Request) -> Response:
        return await endpoint(request, await caller_of(request, self._services), self._services)


class DirectApi(FastAPI):
    """An application that hands requests to its direct routes to `direct`, and answers all others itself."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.direct_keys: frozenset[Key] = frozenset()
        self.direct: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if leads_through(scope):
            await go_through(self, scope, receive, send)
        elif (
            scope["type"] == "http"
            and self.direct is not None
            and (scope["method"], scope["path"]) in self.direct_keys
        ):
            scope["app"] = self
            await self.direct(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)
