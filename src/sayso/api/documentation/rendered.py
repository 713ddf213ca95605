"""What a page of Markdown has become."""

from dataclasses import dataclass


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
