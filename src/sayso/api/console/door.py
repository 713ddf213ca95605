"""The way from the console's pages to the API: `/console/v1/…` is `/v1/…` for whoever is signed in.

The request stays in this process and goes on to the same endpoints; `api.deps` asks here who calls, where
another request would show a key. No key travels.
"""

import hmac
from typing import Final

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sayso.api.services import Services
from sayso.core.caller import AdminCaller, Caller
from sayso.errors import AuthenticationFailed, InvalidRequest, PermissionRefused
from sayso.ids import ProjectId
from sayso.tenancy.console_sessions import Sessions, SignedIn
from sayso.tenancy.playground_keys import playground_caller

COOKIE = "sayso_console"
CSRF_HEADER = "x-csrf-token"
UNATTENDED_HEADER = "x-unattended"  # on what a page asks by itself, while nobody touches it
PREFIX = "/console/v1/"
_THROUGH = "sayso.console"
_SAFE = frozenset({"GET", "HEAD"})
_HEADERS: Final = (
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"same-origin"),
    # What an answer shows when it is opened as a page, such as an invoice, may not run anything.
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'; sandbox allow-modals"),
)


def leads_through(scope: Scope) -> bool:
    """Return whether a request came to the console's way into the API."""
    return scope["type"] == "http" and bool(scope["path"].startswith(PREFIX))


async def go_through(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Have `app` answer the request as one to the API."""
    path = scope["path"].removeprefix("/console")
    raw = scope.get("raw_path", b"").removeprefix(b"/console")

    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", ()), *_HEADERS]
        await send(message)

    await app({**scope, "path": path, "raw_path": raw, _THROUGH: True}, receive, guarded)


def came_through(request: Request) -> bool:
    """Return whether a session says who calls, instead of a key."""
    return bool(request.scope.get(_THROUGH))


def csrf_token(session_token: str) -> str:
    """Return what a session's pages show and other sites can not know; it does not tell the token."""
    return hmac.new(session_token.encode(), b"csrf", "sha256").hexdigest()


def sessions_of(services: Services) -> Sessions:
    """Return the sessions. Raises `AuthenticationFailed` where there are none."""
    if services.sessions is None:
        raise AuthenticationFailed("There is no console here.", code="not_signed_in")
    return services.sessions


async def signed_in(request: Request, services: Services) -> SignedIn:
    """Return who is signed in.

    Raises `AuthenticationFailed`, and `PermissionRefused` for a change that no page of ours asked for.
    """
    token = request.cookies.get(COOKIE, "")
    attended = UNATTENDED_HEADER not in request.headers
    who = await sessions_of(services).find(token, attended=attended)
    if request.method not in _SAFE:
        check_same_origin(request)
        shown = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(shown.encode(), csrf_token(token).encode()):
            raise PermissionRefused("The page is out of date: load it again.", code="csrf_token_mismatch")
    return who


def check_same_origin(request: Request) -> None:
    """Raise `PermissionRefused` where a browser says that another site's page sent the request."""
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin")
    if site is not None:
        good = site == "same-origin"
    else:
        good = origin is None or origin.partition("://")[2] == request.headers.get("host")
    if not good:
        raise PermissionRefused("Another site's page may not do this.", code="cross_origin_request")


async def admin_of(request: Request, services: Services) -> tuple[AdminCaller, str]:
    """Return the administrator who is signed in, with the organization's slug. Raises as `signed_in`."""
    who = await signed_in(request, services)
    return who.admin, who.organization_slug


async def caller_in_project(request: Request, services: Services) -> tuple[Caller, str]:
    """Return the caller in the project that the `OpenAI-Project` header names, with the slug.

    Raises as `signed_in` and `playground_caller`, and `InvalidRequest` without the header.
    """
    who = await signed_in(request, services)
    project = request.headers.get("openai-project")
    if not project:
        raise InvalidRequest("Choose a project.", param="OpenAI-Project")
    assert services.accounts is not None, "sessions are of accounts"
    caller = await playground_caller(services.accounts, who.admin, ProjectId(project))
    return caller, who.organization_slug
