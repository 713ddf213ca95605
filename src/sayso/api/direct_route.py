"""Endpoints that are called without FastAPI's dependency solver, which costs a tenth of a short request."""

from collections.abc import Callable, Coroutine
from inspect import signature
from typing import Any

from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from sayso.api.deps import caller_of
from sayso.api.services import Services

_DIRECT = ["request", "caller", "services"]


class DirectRoute(APIRoute):
    """Calls an endpoint that takes `(request, caller, services)`, and no more, directly; any other as usual.

    Its place in the OpenAPI document is the same.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        if list(signature(self.endpoint).parameters) != _DIRECT:
            return super().get_route_handler()
        endpoint: Callable[..., Coroutine[Any, Any, Response]] = self.endpoint

        async def answer(request: Request) -> Response:
            services: Services = request.app.state.services
            return await endpoint(request, await caller_of(request, services), services)

        return answer
