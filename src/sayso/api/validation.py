"""Reading JSON as a schema, with Pydantic's complaints in OpenAI's words."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from sayso.api import field_errors as wrong
from sayso.api.services import VendorExtras
from sayso.errors import InvalidRequest

M = TypeVar("M", bound=BaseModel)

MAX_NAME = 64  # characters of a field's name that a message repeats
_EXPECTED = {
    "string_type": "a string",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing_size": "an integer",
    "float_type": "a decimal",
    "bool_type": "a boolean",
    "list_type": "an array",
    "dict_type": "an object",
    "model_type": "an object",
    "model_attributes_type": "an object",
}


def parse(schema: type[M], values: Mapping[str, Any], extras: VendorExtras) -> M:
    """Read `values` strictly as `schema`. Raises `InvalidRequest` for the first thing wrong."""
    try:
        return schema.model_validate(values, strict=True, extra="forbid" if extras == "reject" else "ignore")
    except ValidationError as error:
        raise invalid_request(error.errors(include_url=False)[0]) from None


def field_path(location: Sequence[int | str]) -> str:
    """Return `messages[0].content` for `("messages", 0, "content")`; tags of unions (`#…`) are left out."""
    path = ""
    for item in location:
        if isinstance(item, int):
            path += f"[{item}]"
        elif not item.startswith("#"):
            path += f".{_short(item)}" if path else _short(item)
    return path


def invalid_request(error: Any) -> InvalidRequest:
    """Translate one of Pydantic's error details."""
    param = field_path(error["loc"])
    kind, value, context = error["type"], error.get("input"), error.get("ctx", {})
    if kind in _EXPECTED:
        return wrong.invalid_type(param, _EXPECTED[kind], value)
    match kind:
        case "missing":
            return wrong.missing(param)
        case "extra_forbidden":
            return wrong.unknown_parameter(param)
        case "union_tag_invalid":
            tags = context["expected_tags"].replace("'", "").replace("#", "").split(", ")
            return wrong.invalid_type(param, f"one of {' or '.join(tags)}", value)
        case "literal_error":
            if not isinstance(value, str):
                return wrong.invalid_type(param, "a string", value)
            return wrong.invalid_value(param, value, context["expected"].replace(" or ", ", "))
        case _:
            return _out_of_bounds(kind, param, value, context)


def _out_of_bounds(kind: str, param: str, value: Any, context: Mapping[str, Any]) -> InvalidRequest:
    match kind:
        case "less_than_equal":
            return wrong.above_maximum(param, value, context["le"])
        case "greater_than_equal":
            return wrong.below_minimum(param, value, context["ge"])
        case "too_long":
            return wrong.array_too_long(param, context["actual_length"], context["max_length"])
        case "too_short":
            return wrong.array_too_short(param, context["actual_length"], context["min_length"])
        case "string_too_long":
            return wrong.string_too_long(param, len(value), context["max_length"])
        case "string_too_short":
            return wrong.string_too_short(param, len(value), context["min_length"])
        case "string_pattern_mismatch":
            return wrong.pattern_mismatch(param, context["pattern"])
        case _:
            return InvalidRequest(f"Invalid value for '{param}'.", param=param, code="invalid_value")


def _short(name: str) -> str:
    text = "".join(c if c.isprintable() else "?" for c in name[:MAX_NAME])
    return text + "…" if len(name) > MAX_NAME else text
