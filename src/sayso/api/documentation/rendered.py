"""What a page of Markdown has become."""

import re
from dataclasses import dataclass, field

NOTE = re.compile(r"\A(# [^\n]*\n\s*)?<!--.*?-->\s*", re.DOTALL)  # of who writes the page


@dataclass(frozen=True, slots=True)
class Section:
    """A heading with the plain text below it, up to the next heading. `level` is 1 to 6."""

    level: int
    title: str
    anchor: str
    text: str


@dataclass(frozen=True, slots=True)
class Rendered:
    """A page: its HTML without a frame, and its sections in order."""

    html: str
    sections: tuple[Section, ...]

    @property
    def title(self) -> str:
        """The first heading."""
        return self.sections[0].title if self.sections else ""


@dataclass(slots=True)
class Anchors:
    """The anchors of a page's headings: like GitHub's, no two the same."""

    _taken: dict[str, int] = field(default_factory=dict)

    def of(self, title: str) -> str:
        """Return the next heading's anchor."""
        anchor = anchor_of(title)
        number = self._taken.get(anchor, 0)
        self._taken[anchor] = number + 1
        return f"{anchor}-{number}" if number else anchor


def anchor_of(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")
