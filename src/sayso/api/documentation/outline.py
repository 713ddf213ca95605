"""The sections of Markdown without rendering it: for the search, which wants them of every page at once."""

import re
from collections.abc import Iterator

from sayso.api.documentation.rendered import NOTE, Anchors, Section

_HEADING = re.compile(r"(#{1,6}) +(.*?)(?: +#+)? *$")
_FENCE = re.compile(r" *(`{3,}|~{3,})")
_RULE = re.compile(r"[|: -]+$")  # below a table's head
_LINK = re.compile(r"!?\[([^\]]*)\]\([^)]*\)")
_ITEM = re.compile(r"^ *(?:[-*>]|\d+\.) +")
_MARKS = re.compile(r"\*\*|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_CODE = re.compile(r"(`[^`]+`)")


def outline(source: str) -> tuple[Section, ...]:
    """Return the sections that rendering finds, their text roughly as it is shown."""
    anchors = Anchors()
    found: list[Section] = []
    heading: tuple[int, str, str] | None = None
    texts: list[str] = []
    for level, text in _lines(NOTE.sub(r"\1", source)):
        if not level:
            texts.append(text)
            continue
        if heading is not None:
            found.append(Section(*heading, text=" ".join(texts)))
        heading, texts = (level, text, anchors.of(text)), []
    if heading is not None:
        found.append(Section(*heading, text=" ".join(texts)))
    return tuple(found)


def _lines(source: str) -> Iterator[tuple[int, str]]:
    """Give each line that says something: a heading with its level, anything else with 0."""
    fence = ""
    for line in source.splitlines():
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and line.strip() == mark[1]:
                fence = ""
            elif line.strip():
                yield 0, line
        elif mark:
            fence = mark[1]
        elif heading := _HEADING.match(line):
            yield len(heading[1]), plain(heading[2])
        elif line.strip() and not _RULE.match(line):
            yield 0, plain(_ITEM.sub("", line)).replace("|", " ").strip()


def plain(line: str) -> str:
    """Return a line's text without its marks; what is code stays as it is."""
    parts = _CODE.split(_LINK.sub(r"\1", line))
    return "".join(one[1:-1] if number % 2 else _MARKS.sub("", one) for number, one in enumerate(parts))
