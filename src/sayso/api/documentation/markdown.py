"""Markdown to HTML: headings that can be linked to, code in colour, links that lead to the pages."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

Link = Callable[[str], str]  # from an address in a file to an address on the site

_FORMATTER = HtmlFormatter(nowrap=True)


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


def render(source: str, link: Link) -> Rendered:
    """Render Markdown (CommonMark with tables); HTML in it is shown, not obeyed."""
    parser = MarkdownIt("commonmark", {"html": False, "highlight": _highlighted}).enable("table")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    tokens = parser.parse(source)
    sections = _sections(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", link(str(child.attrGet("href") or "")))
    return Rendered(parser.renderer.render(tokens, parser.options, {}), sections)


def anchor_of(title: str) -> str:
    """Return the anchor of a heading, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.lower()).strip().replace(" ", "-")


def _sections(tokens: Sequence[Token]) -> tuple[Section, ...]:
    """Find the sections, and give each heading its anchor."""
    found: list[Section] = []
    texts: list[str] = []
    heading: tuple[int, str, str] | None = None
    taken: dict[str, int] = {}
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            if heading is not None:
                found.append(Section(*heading, text=" ".join(texts)))
            title = _plain(tokens[index + 1])
            anchor = _unique(anchor_of(title), taken)
            token.attrSet("id", anchor)
            heading, texts = (int(token.tag[1]), title, anchor), []
        elif token.type == "fence":
            texts.append(token.content.strip())
        elif token.type == "inline" and tokens[index - 1].type != "heading_open":
            texts.append(_plain(token))
    if heading is not None:
        found.append(Section(*heading, text=" ".join(texts)))
    return tuple(found)


def _unique(anchor: str, taken: dict[str, int]) -> str:
    number = taken.get(anchor, 0)
    taken[anchor] = number + 1
    return f"{anchor}-{number}" if number else anchor


def _plain(inline: Token) -> str:
    said = (child.content or (" " if child.type == "softbreak" else "") for child in inline.children or ())
    return "".join(said)


def _highlighted(code: str, language: str, _: str) -> str:
    try:
        lexer = get_lexer_by_name(language)
    except ClassNotFound:
        return ""  # the renderer escapes it
    coloured: str = highlight(code, lexer, _FORMATTER)
    return coloured


def _open_table(_renderer: RendererHTML, *_: object) -> str:
    return '<div class="table" tabindex="0"><table>\n'  # wide ones scroll, by keyboard too


def _close_table(_renderer: RendererHTML, *_: object) -> str:
    return "</table></div>\n"
