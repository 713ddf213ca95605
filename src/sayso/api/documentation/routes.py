"""/docs, /llms.txt: the documentation, without a key; every byte of it comes from the package."""

import asyncio
from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sayso.api.accepts import reads_pages, takes_gzip
from sayso.api.documentation.library import START
from sayso.api.documentation.site import NotThereError, Shown, Site, site_of

documentation_router = APIRouter(include_in_schema=False)

_YEAR = 365 * 86_400  # seconds
_HEADERS = {
    "Vary": "Accept-Encoding",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked for again each time, and answered with 304
}


@documentation_router.get("/")
async def root(request: Request) -> Response:
    """Lead people to the documentation; programs are told that nothing is here."""
    if not reads_pages(request):
        raise HTTPException(404)
    return RedirectResponse("/docs", 303)


@documentation_router.get("/docs")
@documentation_router.get("/docs/")
async def contents(request: Request) -> Response:
    """Show the list of contents."""
    return await _shown(request, Site.page, START)


@documentation_router.get("/docs/index")
async def index() -> Response:
    """Lead links to the list of contents there."""
    return RedirectResponse("/docs", 308)


@documentation_router.get("/docs/search.json")
async def search(request: Request) -> Response:
    """Return what the search looks through."""
    return await _shown(request, Site.search)


@documentation_router.get("/docs/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """Return a style sheet or a script."""
    return await _shown(request, Site.asset, name)


@documentation_router.get("/docs/{name:path}.md")
async def source(request: Request, name: str) -> Response:
    """Return a page as Markdown."""
    return await _shown(request, Site.source, name)


@documentation_router.get("/docs/{name:path}")
async def page(request: Request, name: str) -> Response:
    """Show a page."""
    return await _shown(request, Site.page, name)


@documentation_router.get("/openapi.json")
async def openapi(request: Request) -> Response:
    """Return the list of routes, with their bodies, parameters and errors."""
    return await _shown(request, Site.openapi)


@documentation_router.get("/llms.txt")
async def llms(request: Request) -> Response:
    """List the pages for language models (https://llmstxt.org), as Markdown that leads to Markdown."""
    return await _shown(request, Site.llms)


async def _shown(request: Request, what: Callable[..., Shown], *arguments: str) -> Response:
    """Answer with a part of the site; the first time, rendering takes a while, and other requests go on."""
    try:
        shown = await asyncio.to_thread(lambda: what(site_of(request.app), *arguments))
    except NotThereError:
        if what is not Site.page or not reads_pages(request):
            raise HTTPException(404) from None
        missing = site_of(request.app).missing
        return Response(missing.content, 404, headers=_HEADERS, media_type=missing.media_type)
    headers = {**_HEADERS, "ETag": shown.tag}
    if request.url.query == shown.tag.strip('"'):  # an asset, as a page of now asks for it
        headers["Cache-Control"] = f"public, max-age={_YEAR}, immutable"
    if request.headers.get("if-none-match") == shown.tag:
        return Response(status_code=304, headers=headers)
    if takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        return Response(shown.compressed, headers=headers, media_type=shown.media_type)
    return Response(shown.content, headers=headers, media_type=shown.media_type)
