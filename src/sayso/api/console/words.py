"""What the console says, in each of its languages: `assets/words/NAME.LANGUAGE.json`, all names together."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

import orjson
from starlette.requests import Request

COOKIE = "sayso_language"
LANGUAGES: Final[Mapping[str, str]] = {"en": "English", "zh": "中文"}
DEFAULT = "en"


@dataclass(frozen=True, slots=True)
class Words:
    """The texts of a language by their keys; `{name}` in one is filled in."""

    language: str
    texts: Mapping[str, str]

    def __call__(self, key: str, **values: object) -> str:
        """Return a text. Raises `KeyError` for an unknown key."""
        text = self.texts[key]
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text

    def as_json(self) -> bytes:
        """Return all texts, for a script."""
        return orjson.dumps(dict(self.texts), option=orjson.OPT_SORT_KEYS)


@cache
def words(language: str) -> Words:
    """Return the dictionary of one of `LANGUAGES`."""
    texts: dict[str, str] = {}
    for entry in files(__package__).joinpath("assets", "words").iterdir():
        if entry.name.endswith(f".{language}.json"):
            texts |= orjson.loads(entry.read_bytes())
    return Words(language, texts)


def language_of(request: Request) -> str:
    """Return the language that was chosen, else the first that the browser asks for and we have."""
    if (chosen := request.cookies.get(COOKIE, "")) in LANGUAGES:
        return chosen
    for wish in request.headers.get("accept-language", "").split(","):
        if (language := wish.partition(";")[0].strip().partition("-")[0].lower()) in LANGUAGES:
            return language
    return DEFAULT
