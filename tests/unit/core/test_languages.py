import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from sayso.core.languages import LANGUAGE_NAMES, language_code, language_name


def test_the_languages_are_whispers() -> None:
    assert set(LANGUAGE_NAMES) == set(_LANGUAGE_CODES)
    assert len(set(LANGUAGE_NAMES.values())) == 100


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("en", "english"),
        ("ht", "haitian creole"),
        ("yue", "cantonese"),
        ("haw", "hawaiian"),
        ("jw", "javanese"),
    ],
)
def test_names(code: str, name: str) -> None:
    assert language_name(code) == name
    assert language_code(name) == code


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("EN", "en"),
        ("English", "en"),
        (" german ", "de"),
        ("jv", "jw"),
        ("Castilian", "es"),
        ("Haitian Creole", "ht"),
        ("pt-BR", "pt"),
        ("zh_Hans", "zh"),
        ("nb", "no"),
    ],
)
def test_what_callers_write(given: str, code: str) -> None:
    assert language_code(given) == code


@pytest.mark.parametrize("given", ["", "xx", "klingon", "xx-US", "e", "-en"])
def test_unknown_languages(given: str) -> None:
    assert language_code(given) is None


def test_every_name_leads_back() -> None:
    for code, name in LANGUAGE_NAMES.items():
        assert language_code(code.upper()) == code
        assert language_code(name.title()) == code


def test_a_code_without_a_name_is_its_own_name() -> None:
    assert language_name("tlh") == "tlh"
