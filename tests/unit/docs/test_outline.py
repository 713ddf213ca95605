"""The search's view of the pages beside what rendering makes of them."""

import pytest

from sayso.api.documentation.library import library
from sayso.api.documentation.outline import outline, plain

PAGES = library().pages


@pytest.mark.parametrize("name", PAGES)
def test_sections_lead_where_the_page_has_them(name: str) -> None:
    shown = PAGES[name].content.sections
    found = outline(PAGES[name].source)
    assert [(one.level, one.title, one.anchor) for one in found] == [
        (one.level, one.title, one.anchor) for one in shown
    ]
    for ours, theirs in zip(found, shown, strict=True):
        assert set(words(theirs.text)) == set(words(ours.text)), ours.title


def words(text: str) -> list[str]:
    return "".join(one if one.isalnum() else " " for one in text).split()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("a **bold** [link](to.md#x) and `code_with_marks**`", "a bold link and code_with_marks**"),
        ("*first* of snake_case_names", "first of snake_case_names"),
    ],
)
def test_marks_are_not_said(line: str, said: str) -> None:
    assert plain(line) == said


def test_a_comment_in_code_is_no_heading() -> None:
    found = outline("# A\n\n```sh\n# *not* a heading\n---\n```\n\n## B\n\n| x |\n|---|\n| `a_b` |\n")
    assert [(one.title, one.text) for one in found] == [("A", "# *not* a heading ---"), ("B", "x a_b")]
