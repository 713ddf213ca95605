"""What the documentation's addresses show, made once and kept for as long as the process lives."""

import gzip
import hashlib
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from importlib.resources import files
from typing import Self

import orjson
from fastapi import FastAPI

from sayso.api.documentation.home import home
from sayso.api.documentation.library import START, Library, Page, address, library_with_reference
from sayso.api.reference.document import document
from sayso.core.templates import Templates

_ASSETS = {
    "docs.css": "text/css",
    "docs.js": "text/javascript",
    "try.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_TEMPLATES = Templates(__package__)


@dataclass(frozen=True, slots=True)
class Shown:
    """What an address shows, and the tag by which a browser knows it."""

    content: bytes
    media_type: str
    tag: str
    compressed: bytes

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Self:
        """Tag content by its digest."""
        return cls(content, media_type, f'"{_digest(content)}"', gzip.compress(content, mtime=0))


_TEXTS = {
    "en": {
        "documentation": "Documentation",
        "skip": "Skip to the text",
        "reference": "Reference",
        "console": "Console",
        "search": "Search",
        "search_label": "Search the documentation",
        "found": "Found",
        "pages": "Pages",
        "contents": "Contents",
        "as_markdown": "As Markdown",
        "on_this_page": "On this page",
    },
    "zh": {
        "documentation": "文档",
        "skip": "跳到正文",
        "reference": "参考",
        "console": "控制台",
        "search": "搜索",
        "search_label": "搜索文档",
        "found": "搜索结果",
        "pages": "页面",
        "contents": "目录",
        "as_markdown": "Markdown 原文",
        "on_this_page": "本页内容",
    },
}
MISSING = "missing"
_NOT_HERE = """# There is no such page

It may have another name now. Search for it, or look into the [list of contents](index.md).
"""
_LANGUAGES = {"en": "English", "zh": "中文"}


@dataclass(frozen=True, slots=True)
class _Translation:
    page: str
    language: str
    name: str


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:20]


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

    @cached_property
    def missing(self) -> Shown:
        """What is shown where there is no page."""
        pages = {**self._books.pages, MISSING: Page(MISSING, lambda: _NOT_HERE)}
        return _page(Library(pages, self._books.chapters), MISSING)

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
    language = _language(name)
    html = _TEMPLATES.render(
        "home.html.j2" if name == START else "page.html.j2",
        **(_of_home(shown) if name == START else {}),
        page=shown,
        language=language,
        t=_TEXTS[language],
        asset=_address,
        other=_translation(books, name),
        chapters=books.chapters,
        headings=[section for section in shown.content.sections if section.level == 2],
        before=before,
        after=after,
    )
    return Shown.of(html.encode(), "text/html")


def _of_home(page: Page) -> dict[str, object]:
    from sayso.api.documentation.markdown import render  # as pages do

    found = home(page.source, page.name)
    link = partial(address, base=page.name)
    return {"home": found, "samples": [(one.title, render(one.markdown, link).html) for one in found.samples]}


def _language(name: str) -> str:
    return "zh" if name.endswith(".zh") else "en"


def _translation(books: Library, name: str) -> _Translation | None:
    """The same page in the other language, where there is one."""
    other = name.removesuffix(".zh") if name.endswith(".zh") else f"{name}.zh"
    return (
        _Translation(other, _language(other), _LANGUAGES[_language(other)]) if other in books.pages else None
    )


def _address(name: str) -> str:
    """Where an asset is, as long as it is what it is now: a browser keeps it."""
    return f"/docs/assets/{name}?{_digest(_asset(name).content)}"


@cache
def _asset(name: str) -> Shown:
    media_type = _ASSETS[name]
    content = files(__package__).joinpath("assets", name).read_bytes()
    if name == "docs.css":
        content += _code_colours("xcode", "light") + _code_colours("github-dark", "dark")
    return Shown.of(content, media_type)


def _code_colours(style: str, scheme: str) -> bytes:
    from pygments.formatters import HtmlFormatter  # with the first page that is asked for

    rules = HtmlFormatter(style=style, nobackground=True).get_style_defs("pre code")  # type: ignore[no-untyped-call]
    return f"@media (prefers-color-scheme: {scheme}) {{\n{rules}\n}}\n".encode()
