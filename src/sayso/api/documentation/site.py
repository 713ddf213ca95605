"""What the documentation's addresses show, made once and kept for as long as the process lives."""

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from importlib.resources import files
from typing import Self

import orjson
from fastapi import FastAPI
from pygments.formatters import HtmlFormatter

from sayso.api.documentation.library import Library, library_with_reference
from sayso.api.reference.document import document
from sayso.api.templates import templates_of

_ASSETS = {
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "try.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_TEMPLATES = templates_of(__package__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What an address shows, and the tag by which a browser knows it."""

    content: bytes
    media_type: str
    tag: str

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        """Tag content by its digest."""
        return cls(content, media_type, f'"{hashlib.sha256(content).hexdigest()[:20]}"')


class NotThereError(Exception):
    """There is no page or asset of that name."""


class Site:
    """The documentation of one application."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._books = library_with_reference(app)
        self._pages: dict[str, Shown] = {}

    def page(self, name: str) -> Shown:
        """Return a page as HTML. Raises `NotThereError`."""
        self._check(name)
        if name not in self._pages:
            self._pages[name] = _page(self._books, name)
        return self._pages[name]

    def source(self, name: str) -> Shown:
        """Return a page as Markdown. Raises `NotThereError`."""
        self._check(name)
        return Shown.of(self._books.pages[name].source.encode(), "text/markdown")

    def asset(self, name: str) -> Shown:
        """Return a style sheet or a script. Raises `NotThereError`."""
        if name not in _ASSETS:
            raise NotThereError
        return _asset(name)

    def search(self) -> Shown:
        """Return what the search looks through."""
        return self._search

    def llms(self) -> Shown:
        """Return the list of pages for language models."""
        lines = ["# sayso", "", "> Your own ChatGPT and Whisper API, on your own machines.", ""]
        for chapter in self._books.chapters:
            lines += [f"## {chapter.title}", ""]
            lines += [f"- [{title}](/docs/{name}.md)" for name, title in chapter.pages]
            lines.append("")
        return Shown.of("\n".join(lines).encode(), "text/plain")

    def openapi(self) -> Shown:
        """Return the OpenAPI document."""
        return self._openapi

    def _check(self, name: str) -> None:
        if name not in self._books.pages:
            raise NotThereError

    @cached_property
    def _search(self) -> Shown:
        return Shown.of(orjson.dumps(self._books.search_entries()), "application/json")

    @cached_property
    def _openapi(self) -> Shown:
        return Shown.of(orjson.dumps(document(self._app)), "application/json")


@lru_cache(maxsize=1)
def site_of(app: FastAPI) -> Site:
    """Return an application's documentation."""
    return Site(app)


def _page(books: Library, name: str) -> Shown:
    shown = books.pages[name]
    before, after = books.around(name)
    html = _TEMPLATES.get_template("page.html.j2").render(
        page=shown,
        chapters=books.chapters,
        headings=[section for section in shown.content.sections if section.level == 2],
        before=before,
        after=after,
    )
    return Shown.of(html.encode(), "text/html")


@cache
def _asset(name: str) -> Shown:
    media_type = _ASSETS[name]
    content = files(__package__).joinpath("assets", name).read_bytes()
    if name == "docs.css":
        content += _code_colours("xcode", "light") + _code_colours("github-dark", "dark")
    return Shown.of(content, media_type)


def _code_colours(style: str, scheme: str) -> bytes:
    rules = HtmlFormatter(style=style, nobackground=True).get_style_defs("pre code")  # type: ignore[no-untyped-call]
    return f"@media (prefers-color-scheme: {scheme}) {{\n{rules}\n}}\n".encode()
