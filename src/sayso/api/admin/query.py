"""Query strings: names that repeat (`x[]` or `x`), whole numbers, words from a closed set."""

import re
from collections.abc import Sequence
from typing import TypeVar

from starlette.datastructures import QueryParams

from sayso.api import field_errors as wrong

W = TypeVar("W", bound=str)

_INTEGER = re.compile(r"-?[0-9]{1,18}")
MAX_VALUES = 1_000  # of one name


def text_list(params: QueryParams, name: str) -> tuple[str, ...] | None:
    """Return every value of `name`, None where it is not there. Raises `InvalidRequest` for too many."""
    values = (*params.getlist(f"{name}[]"), *params.getlist(name))
    if len(values) > MAX_VALUES:
        raise wrong.array_too_long(name, len(values), MAX_VALUES)
    return values or None


def word_list(params: QueryParams, name: str, known: Sequence[W]) -> tuple[W, ...]:
    """Return the values of `name`, all of them among `known`. Raises `InvalidRequest`."""
    return tuple(_known(name, value, known) for value in text_list(params, name) or ())


def word(params: QueryParams, name: str, known: Sequence[W], default: W) -> W:
    """Return the value of `name`, one of `known`. Raises `InvalidRequest`."""
    value = params.get(name)
    return default if value is None else _known(name, value, known)


def integer(params: QueryParams, name: str, *, minimum: int, maximum: int) -> int | None:
    """Return a whole number within the bounds, None where there is none. Raises `InvalidRequest`."""
    text = params.get(name)
    if text is None:
        return None
    if not _INTEGER.fullmatch(text):
        raise wrong.invalid_type(name, "an integer", text)
    value = int(text)
    if value < minimum:
        raise wrong.below_minimum(name, value, minimum)
    if value > maximum:
        raise wrong.above_maximum(name, value, maximum)
    return value


def boolean(params: QueryParams, name: str) -> bool | None:
    """Return `true` or `false`, None where it is not there. Raises `InvalidRequest` for anything else."""
    match params.get(name):
        case None:
            return None
        case "true" | "True":
            return True
        case "false" | "False":
            return False
        case other:
            raise wrong.invalid_type(name, "a boolean", other)


def _known(name: str, value: str, known: Sequence[W]) -> W:
    for candidate in known:
        if candidate == value:
            return candidate
    raise wrong.invalid_value(name, value, ", ".join(f"'{candidate}'" for candidate in known))
