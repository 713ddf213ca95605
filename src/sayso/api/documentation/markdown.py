"""Markdown to HTML: headings that can be linked to, code in colour, links that lead to the pages."""

import re
from collections.abc import Callable, Sequence
from itertools import pairwise

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import get_lexer_by_name
from pygments.util import ClassNotFound

from sayso.api.documentation.rendered import NOTE, Anchors, Rendered, Section

Link = Callable[[str], str]  # from an address in a file to an address on the site

_FORMATTER = HtmlFormatter(nowrap=True)
_JOINT = re.compile(r"(?<=[_./\]=:])(?=[\w\[{])")  # where a long name may be broken


def render(source: str, link: Link) -> Rendered:
    """Render Markdown (CommonMark with tables). HTML is shown, not obeyed; a note at the top is left out."""
    parser = MarkdownIt("commonmark", {"html": False, "highlight": _highlighted}).enable("table")
    parser.add_render_rule("table_open", _open_table)
    parser.add_render_rule("table_close", _close_table)
    parser.add_render_rule("code_inline", _code)
    tokens = parser.parse(NOTE.sub(r"\1", source))
    sections = _sections(tokens)
    _label(tokens)
    for token in tokens:
        for child in token.children or ():
            if child.type == "link_open":
                child.attrSet("href", link(str(child.attrGet("href") or "")))
    return Rendered(parser.renderer.render(tokens, parser.options, {}), sections)


def _sections(tokens: Sequence[Token]) -> tuple[Section, ...]:
    """Find the sections, and give each heading its anchor."""
    found: list[Section] = []
    texts: list[str] = []
    heading: tuple[int, str, str] | None = None
    anchors = Anchors()
    for index, token in enumerate(tokens):
        if token.type == "heading_open":
            if heading is not None:
                found.append(Section(*heading, text=" ".join(texts)))
            title = _plain(tokens[index + 1])
            anchor = anchors.of(title)
            token.attrSet("id", anchor)
            heading, texts = (int(token.tag[1]), title, anchor), []
        elif token.type == "fence":
            texts.append(token.content.strip())
        elif token.type == "inline" and tokens[index - 1].type != "heading_open":
            texts.append(_plain(token))
    if heading is not None:
        found.append(Section(*heading, text=" ".join(texts)))
    return tuple(found)


def _label(tokens: Sequence[Token]) -> None:
    """Tell each cell of a table its column's title: on a phone a row becomes a card."""
    titles: list[str] = []
    column = 0
    for token, following in pairwise(tokens):
        match token.type:
            case "thead_open":
                titles = []
            case "th_open":
                titles.append(_plain(following))
            case "tr_open":
                column = 0
            case "td_open":
                token.attrSet("data-label", titles[column])
                column += 1
            case _:
                pass


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


def _code(_renderer: RendererHTML, tokens: Sequence[Token], at: int, *_: object) -> str:
    return f"<code>{'<wbr>'.join(map(escapeHtml, _JOINT.split(tokens[at].content)))}</code>"


def _open_table(_renderer: RendererHTML, *_: object) -> str:
    return '<div class="table" tabindex="0"><table>\n'  # wide ones scroll, by keyboard too


def _close_table(_renderer: RendererHTML, *_: object) -> str:
    return "</table></div>\n"
