"""Which pages the console has, in the order of its navigation."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class ConsolePage:
    """A page at `/console/NAME`: `script` is its module below `assets/`, `styles` its own sheets.

    `styled_by_script` is for a library that puts a style sheet into the page: it gets a nonce.
    """

    name: str
    script: str
    styles: tuple[str, ...] = ()
    styled_by_script: bool = False

    @property
    def path(self) -> str:
        """Its address."""
        return "/console" if self.name == FIRST else f"/console/{self.name}"


@dataclass(frozen=True, slots=True)
class PageGroup:
    """Pages under one heading; `name` is the heading's key, empty for none."""

    name: str
    pages: tuple[ConsolePage, ...]


FIRST = "usage"


def _page(name: str, *, chart: bool = False) -> ConsolePage:
    script = f"pages/{name}.js"
    if chart:
        return ConsolePage(name, script, ("vendor/uplot.css",))
    return ConsolePage(name, script)


GROUPS: Final = (
    PageGroup(
        "",
        (
            _page("usage", chart=True),
            ConsolePage("playground", "playground.js", ("playground.css",), styled_by_script=True),
        ),
    ),
    PageGroup("build", (_page("keys"), _page("budgets"), _page("models"))),
    PageGroup("run", (_page("instances", chart=True), _page("engines"))),
    PageGroup(
        "organization",
        (_page("projects"), _page("members"), _page("data"), _page("invoices"), _page("audit")),
    ),
)
PAGES: Final[Mapping[str, ConsolePage]] = {page.name: page for group in GROUPS for page in group.pages}
