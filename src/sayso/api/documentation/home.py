"""The documentation's first page: what `docs/index.md` says, as samples and cards."""

import re
from dataclasses import dataclass

from sayso.api.documentation.contents import Part, parts
from sayso.api.documentation.library import address
from sayso.api.documentation.outline import plain

_HEAD = re.compile(r"\A# [^\n]+\n\n([^\n]+)\n")


@dataclass(frozen=True, slots=True)
class Item:
    """A page that a card leads to."""

    title: str
    at: str
    note: str

    @property
    def chinese(self) -> bool:
        """Whether the page is in Chinese."""
        return self.at.endswith(".zh")


@dataclass(frozen=True, slots=True)
class Card:
    """A chapter: `items` where it lists pages, else `markdown`, a sample."""

    title: str
    items: tuple[Item, ...]
    markdown: str


@dataclass(frozen=True, slots=True)
class Home:
    """The page: what it is about in a line, samples to begin with, then every chapter."""

    tagline: str
    samples: tuple[Card, ...]
    chapters: tuple[Card, ...]


def home(source: str, page: str) -> Home:
    """Read the list of contents, which is `page`."""
    tagline = _HEAD.match(source)
    assert tagline is not None, "the list of contents begins with a title and a line"
    cards = [_card(part, page) for part in parts(source)]
    return Home(
        tagline[1],
        tuple(card for card in cards if not card.items),
        tuple(card for card in cards if card.items),
    )


def _card(part: Part, page: str) -> Card:
    items = (Item(one.title, address(one.file, page), plain(one.note)) for one in part.entries)
    return Card(part.title, tuple(items), part.markdown)
