"""The list of contents, `docs/index.md`, as it is written: chapters of pages, and samples."""

import re
from dataclasses import dataclass

_CHAPTER = re.compile(r"^## ", re.MULTILINE)
_ENTRY = re.compile(r"^- \[([^]]+)\]\(([^)]+)\)(?:: (.+))?$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Entry:
    """`- [title](file): note`."""

    title: str
    file: str
    note: str


@dataclass(frozen=True, slots=True)
class Part:
    """What is below a `## title`: `entries` where it lists pages, else `markdown`, a sample."""

    title: str
    entries: tuple[Entry, ...]
    markdown: str


def parts(source: str) -> tuple[Part, ...]:
    """Read the list of contents."""
    return tuple(map(_part, _CHAPTER.split(source)[1:]))


def _part(text: str) -> Part:
    title, _, markdown = text.partition("\n")
    return Part(title.strip(), tuple(Entry(*found) for found in _ENTRY.findall(markdown)), markdown)
