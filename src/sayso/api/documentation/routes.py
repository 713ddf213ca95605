"""/docs, /llms.txt: the documentation, without a key; every byte of it comes from the package."""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Self

import orjson
from fastapi import APIRouter, Request
from jinja2 import Environment, PackageLoader, StrictUndefined
from pygments.formatters import HtmlFormatter
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response

from sayso.api.documentation.library import START, library

documentation_router = APIRouter(include_in_schema=False)

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # asked for again each time, and answered with 304
}
_ASSETS = {"docs.css": "text/css", "docs.js": "text/javascript", "icon.svg": "image/svg+xml"}
_TEMPLATES = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


@documentation_router.get("/docs")
@documentation_router.get("/docs/")
async def contents(request: Request) -> Response:
    """Show the list of contents."""
    return _answer(request, _page(START))


@documentation_router.get("/docs/index")
async def index() -> Response:
    """Lead links to the list of contents there."""
    return RedirectResponse("/docs", 308)


@documentation_router.get("/docs/search.json")
async def search(request: Request) -> Response:
    """Return what the search looks through."""
    return _answer(request, _search())


@documentation_router.get("/docs/assets/{name}")
async def asset(request: Request, name: str) -> Response:
    """Return a style sheet or a script."""
    if name not in _ASSETS:
        raise HTTPException(404)
    return _answer(request, _asset(name))


@documentation_router.get("/docs/{name:path}.md")
async def source(request: Request, name: str) -> Response:
    """Return a page as Markdown."""
    _check_known(name)
    return _answer(request, _source(name))


@documentation_router.get("/docs/{name:path}")
async def page(request: Request, name: str) -> Response:
    """Show a page."""
    _check_known(name)
    return _answer(request, _page(name))


@documentation_router.get("/llms.txt")
async def llms(request: Request) -> Response:
    """List the pages for language models (https://llmstxt.org), as Markdown that leads to Markdown."""
    return _answer(request, _llms())


@dataclass(frozen=True, slots=True)
class _Shown:
    """What an address shows for as long as the process lives, and the tag by which a browser knows it."""

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        return cls(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')


def _check_known(name: str) -> None:
    if name not in library().pages:
        raise HTTPException(404)


@cache
def _source(name: str) -> _Shown:
    return _Shown.of(library().pages[name].source.encode(), "text/markdown")


@cache
def _page(name: str) -> _Shown:
    books = library()
    shown = books.pages[name]
    before, after = books.around(name)
    html = _TEMPLATES.get_template("page.html.j2").render(
        page=shown,
        chapters=books.chapters,
        headings=[section for section in shown.content.sections if section.level == 2],
        before=before,
        after=after,
    )
    return _Shown.of(html.encode(), "text/html")


@cache
def _search() -> _Shown:
    return _Shown.of(orjson.dumps(library().search_entries()), "application/json")


@cache
def _asset(name: str) -> _Shown:
    content = files(__package__).joinpath("assets", name).read_bytes()
    if name == "docs.css":
        content += _code_colours("xcode", "light") + _code_colours("github-dark", "dark")
    return _Shown.of(content, _ASSETS[name])


def _code_colours(style: str, scheme: str) -> bytes:
    rules = HtmlFormatter(style=style, nobackground=True).get_style_defs("pre code")  # type: ignore[no-untyped-call]
    return f"@media (prefers-color-scheme: {scheme}) {{\n{rules}\n}}\n".encode()


@cache
def _llms() -> _Shown:
    books = library()
    lines = ["# sayso", "", "> Your own ChatGPT and Whisper API, on your own machines.", ""]
    for chapter in books.chapters:
        lines += [f"## {chapter.title}", ""]
        lines += [f"- [{title}](/docs/{name}.md)" for name, title in chapter.pages]
        lines.append("")
    return _Shown.of("\n".join(lines).encode(), "text/plain")


def _answer(request: Request, shown: _Shown) -> Response:
    headers = {**_HEADERS, "ETag": shown.tag}
    if request.headers.get("if-none-match") == shown.tag:
        return Response(status_code=304, headers=headers)
    return Response(shown.content, headers=headers, media_type=shown.media_type)
