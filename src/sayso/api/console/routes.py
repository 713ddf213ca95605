"""/console: its pages for whoever is signed in, the way in and the way out."""

from urllib.parse import parse_qs, quote

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sayso.api.accepts import reads_pages, takes_gzip
from sayso.api.body import body_chunks
from sayso.api.console.assets import assets, compressed, media_type, version
from sayso.api.console.attempts import Attempts
from sayso.api.console.door import COOKIE, check_same_origin, csrf_token, sessions_of, signed_in
from sayso.api.console.pages import FIRST, PAGES
from sayso.api.console.rendering import show_missing, show_page, show_sign_in
from sayso.api.console.words import COOKIE as LANGUAGE_COOKIE
from sayso.api.console.words import LANGUAGES, language_of
from sayso.api.deps import ServicesDep
from sayso.api.services import Services
from sayso.errors import AuthenticationFailed, BodyTooLarge, InvalidRequest, PermissionRefused

console_router = APIRouter(include_in_schema=False)

MAX_FORM = 4096  # bytes
_YEAR = 365 * 86_400
_KEPT = {
    "Cache-Control": f"public, max-age={_YEAR}, immutable",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
}


@console_router.get("/console/assets/{digest}/{name:path}")
async def asset(request: Request, digest: str, name: str) -> Response:
    """Return a style sheet, a script or a dictionary."""
    if digest != version() or name not in assets():
        raise HTTPException(404)
    if takes_gzip(request):
        headers = _KEPT | {"Content-Encoding": "gzip"}
        return Response(compressed(name), headers=headers, media_type=media_type(name))
    return Response(assets()[name], headers=_KEPT, media_type=media_type(name))


@console_router.get("/console/language/{language}")
async def language(request: Request, language: str) -> Response:
    """Remember a language, and go back to a page."""
    if language not in LANGUAGES:
        raise HTTPException(404)
    answer = RedirectResponse(_target(request.query_params.get("to", "")), 303)
    answer.set_cookie(
        LANGUAGE_COOKIE, language, _YEAR, path="/console", secure=_secure(request), samesite="lax"
    )
    return answer


@console_router.get("/console/sign-in")
async def sign_in_page(request: Request) -> Response:
    """Show the page to sign in on."""
    return show_sign_in(language_of(request), _target(request.query_params.get("to", "")))


@console_router.post("/console/sign-in")
async def sign_in(request: Request, services: ServicesDep) -> Response:
    """Sign in with an admin key or a link, which come in the body and never in an address."""
    check_same_origin(request)
    form = await _form(request, services)
    to = _target(form.get("to", ""))
    attempts: Attempts = request.app.state.attempts
    address = request.client.host if request.client else ""
    if (wait := attempts.wait(address)) > 0:
        answer = show_sign_in(language_of(request), to, "sign_in.too_many", 429)
        answer.headers["retry-after"] = str(int(wait) + 1)
        return answer
    try:
        token = await _open(form, services)
    except (AuthenticationFailed, PermissionRefused):
        attempts.failed(address)
        wrong = "sign_in.wrong_link" if "link" in form else "sign_in.wrong_key"
        return show_sign_in(language_of(request), to, wrong, 401)
    answer = RedirectResponse(to, 303)
    answer.set_cookie(
        COOKIE,
        token,
        int(sessions_of(services).limits.life.total_seconds()),
        path="/console",
        secure=_secure(request),
        httponly=True,
        samesite="strict",
    )
    return answer


@console_router.post("/console/sign-out")
async def sign_out(request: Request, services: ServicesDep) -> Response:
    """End the session."""
    await signed_in(request, services)
    await sessions_of(services).end(request.cookies.get(COOKIE, ""))
    answer = Response(status_code=204)
    answer.delete_cookie(COOKIE, path="/console", secure=_secure(request), httponly=True, samesite="strict")
    return answer


@console_router.get("/console")
@console_router.get("/console/")
@console_router.get("/console/{name}")
async def page(request: Request, services: ServicesDep, name: str = FIRST) -> Response:
    """Show a page, or the one to sign in on."""
    if name not in PAGES:
        if not reads_pages(request):
            raise HTTPException(404)
        return show_missing(language_of(request))
    try:
        who = await signed_in(request, services)
    except AuthenticationFailed:
        return RedirectResponse(f"/console/sign-in?to={quote(PAGES[name].path)}", 303)
    return show_page(PAGES[name], language_of(request), who, csrf_token(request.cookies.get(COOKIE, "")))


async def _open(form: dict[str, str], services: Services) -> str:
    sessions = sessions_of(services)
    if "link" in form:
        return await sessions.open_with_link(form["link"])
    return await sessions.open_with_key(await services.authenticate_admin(form.get("key", "").strip()))


async def _form(request: Request, services: Services) -> dict[str, str]:
    body = bytearray()
    async for chunk in body_chunks(request, services.limits):
        body += chunk
        if len(body) > MAX_FORM:
            raise BodyTooLarge(limit=MAX_FORM, received=len(body))
    try:
        read = parse_qs(body.decode("utf-8"), max_num_fields=10)
    except ValueError:
        raise InvalidRequest("The form could not be read.") from None
    return {name: values[0] for name, values in read.items()}


def _target(wanted: str) -> str:
    """Return the address of the page that is wanted, or of the first: nothing else is gone to."""
    return next((page.path for page in PAGES.values() if page.path == wanted), PAGES[FIRST].path)


def _secure(request: Request) -> bool:
    return request.url.scheme == "https"
