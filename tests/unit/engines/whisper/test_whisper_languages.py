import pytest
from faster_whisper.tokenizer import _LANGUAGE_CODES

from sayso.engines.whisper.languages import NAMES, language_code


@pytest.mark.parametrize(
    ("written", "code"),
    [("de", "de"), ("DE", "de"), (" German ", "de"), ("pt-BR", "pt"), ("zh_Hans", "zh"), ("jv", "jw"),
     ("nb", "no"), ("Haitian Creole", "ht"), ("klingon", "klingon"), ("", "")],
)  # fmt: skip
def test_codes_tags_and_names_are_read(written: str, code: str) -> None:
    assert language_code(written) == code


def test_every_language_of_the_model_has_a_name() -> None:
    assert set(NAMES) == set(_LANGUAGE_CODES)
