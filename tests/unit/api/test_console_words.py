"""The console says everything in every language, and nothing that no page shows."""

import re
from pathlib import Path

import pytest

from sayso.api.console import assets as console_assets
from sayso.api.console.pages import GROUPS, PAGES
from sayso.api.console.words import LANGUAGES, Words, words

CONSOLE = Path(console_assets.__file__).parent
KEY = re.compile(r"""\bt\(\s*["']([a-z_]+(?:\.\w+)*)["']""")
OPEN_KEY = re.compile(r"""\btO?r?\(`([a-z_.]+)\$\{""")  # t(`usage.by_${…}`)
FIELD = re.compile(r"\{(\w+)\}")


def sources() -> dict[str, str]:
    shown = [*CONSOLE.rglob("*.js"), *CONSOLE.rglob("*.j2"), *CONSOLE.glob("routes.py")]
    return {path.name: path.read_text("utf-8") for path in shown if "vendor" not in path.parts}


@pytest.mark.parametrize("language", [one for one in LANGUAGES if one != "en"])
def test_every_language_has_the_same_texts_with_the_same_gaps(language: str) -> None:
    english, other = words("en").texts, words(language).texts
    assert english.keys() == other.keys()
    for key, text in english.items():
        assert sorted(FIELD.findall(text)) == sorted(FIELD.findall(other[key])), key
        assert other[key].strip(), key


def test_every_text_that_a_page_asks_for_is_there() -> None:
    known = words("en").texts
    asked = {(name, key) for name, text in sources().items() for key in KEY.findall(text)}
    assert {(name, key) for name, key in asked if key not in known} == set()
    begun = {(name, key) for name, text in sources().items() for key in OPEN_KEY.findall(text)}
    assert {one for one in begun if not any(key.startswith(one[1]) for key in known)} == set()
    assert len(asked) > 300


def test_every_page_and_group_has_a_name() -> None:
    known = words("en").texts
    assert {f"page.{name}" for name in PAGES} <= known.keys()
    assert {f"group.{group.name}" for group in GROUPS if group.name} <= known.keys()


def test_a_gap_is_filled_once() -> None:
    said = Words("en", {"hello": "Hello {name}, {other}"})
    assert said("hello", name="<{other}>") == "Hello <{other}>, {other}"
