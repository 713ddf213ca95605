"""The pages of the documentation: read once, with their order and what the search looks through."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache, partial
from importlib.resources import files
from posixpath import normpath

from fastapi import FastAPI

from sayso.api.documentation.contents import parts
from sayso.api.documentation.outline import outline
from sayso.api.documentation.rendered import Rendered, Section
from sayso.api.reference.pages import chapter_titles, reference_pages

START = "index"
REFERENCE = "reference"
ROUTES = "Routes"
_SAID_OF_A_ROUTE = 300  # characters, for the search: the path and what it does
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*:|//")


@dataclass(frozen=True)
class Page:
    """A page: `name` is its file without `.md`, `read` brings its Markdown; rendered when it is asked for."""

    name: str
    read: Callable[[], str]

    @cached_property
    def source(self) -> str:
        """Its Markdown."""
        return self.read()

    @cached_property
    def content(self) -> Rendered:
        """Its HTML and its sections."""
        from sayso.api.documentation.markdown import render  # megabytes that most servers do without

        return render(self.source, lambda target: address(target, self.name))


@dataclass(frozen=True, slots=True)
class Chapter:
    """Pages that belong together, in reading order: each with the name that the list of contents gives it."""

    title: str
    pages: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Library:
    """Every page by its name, and the order in which `index.md` lists them."""

    pages: Mapping[str, Page]
    chapters: tuple[Chapter, ...]

    def around(self, name: str) -> tuple[tuple[str, str] | None, tuple[str, str] | None]:
        """Return the pages before and after one, as name and title, None where there are none."""
        order = [entry for chapter in self.chapters for entry in chapter.pages]
        at = next((number for number, entry in enumerate(order) if entry[0] == name), None)
        if at is None:
            return None, None
        return order[at - 1] if at else None, order[at + 1] if at + 1 < len(order) else None

    def search_entries(self) -> list[dict[str, str]]:
        """Return every section of every page, for the search in the browser."""
        return [
            _entry(page.name, sections[0].title, section)
            for page in self.pages.values()
            if page.name != START and (sections := outline(page.source))
            for section in sections
        ]


@cache
def library() -> Library:
    """Return the pages that came with the package."""
    return Library(_pages(), _chapters(_text(f"{START}.md")))


@lru_cache(maxsize=1)
def library_with_reference(app: FastAPI) -> Library:
    """Return the same with the reference of an application's routes, behind the chapter that leads to it."""
    books = library()
    routes = Chapter(ROUTES, chapter_titles())
    pages = {name: Page(name, partial(_route_page, app, name)) for name, _ in routes.pages}
    order = [one for chapter in books.chapters for one in (chapter, *([routes] if _leads(chapter) else []))]
    return Library({**books.pages, **pages}, tuple(order))


def _route_page(app: FastAPI, name: str) -> str:
    return reference_pages(app)[name]


def _leads(chapter: Chapter) -> bool:
    return REFERENCE in (name for name, _ in chapter.pages)


def address(target: str, base: str) -> str:
    """Return where a link in page `base` leads on the site; addresses elsewhere stay as they are."""
    if _ADDRESS.match(target) or target.startswith("#"):
        return target
    path, hash_, anchor = target.partition("#")
    folder = base.rpartition("/")[0]
    name = normpath(f"{folder}/{path}" if folder else path).removesuffix(".md")
    return f"/docs/{name}{hash_}{anchor}"


def _pages() -> dict[str, Page]:
    names = sorted(_names(""))
    return {name: Page(name, partial(_text, f"{name}.md")) for name in names}


def _names(folder: str) -> list[str]:
    found = []
    for entry in files(__package__).joinpath("pages", folder).iterdir():
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir():
            found += _names(path)
        elif entry.name.endswith(".md"):
            found.append(path.removesuffix(".md"))
    return found


def _text(path: str) -> str:
    return files(__package__).joinpath("pages", path).read_text("utf-8")


def _chapters(index: str) -> tuple[Chapter, ...]:
    """Return the chapters that list pages; the others are samples."""
    return tuple(
        Chapter(part.title, tuple((one.file.removesuffix(".md"), one.title) for one in part.entries))
        for part in parts(index)
        if part.entries
    )


def _entry(name: str, title: str, section: Section) -> dict[str, str]:
    return {
        "page": title,
        "title": section.title,
        "at": f"/docs/{name}#{section.anchor}",
        "text": section.text[:_SAID_OF_A_ROUTE] if name.startswith(f"{REFERENCE}/") else section.text,
    }
