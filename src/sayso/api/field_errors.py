"""Errors about one field, in OpenAI's words and codes.

Messages name the field, what was expected and the kind of what came; the value itself only where it is
a number or a short word, never content.
"""

import re

from sayso.errors import InvalidRequest

_WORD = re.compile(r"[A-Za-z0-9_.:-]{1,32}")


def type_name(value: object) -> str:
    """Name the JSON type of `value` with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int():
            return "an integer"
        case float():
            return "a decimal number"
        case str():
            return "a string"
        case list() | tuple():
            return "an array"
        case _:
            return "an object"


def missing(param: str) -> InvalidRequest:
    """Return the error for a required field that is not there."""
    return InvalidRequest(
        f"Missing required parameter: '{param}'.", param=param, code="missing_required_parameter"
    )


def unknown_parameter(param: str) -> InvalidRequest:
    """Return the error for a field that OpenAI's API does not have."""
    return InvalidRequest(f"Unknown parameter: '{param}'.", param=param, code="unknown_parameter")


def invalid_type(param: str, expected: str, value: object) -> InvalidRequest:
    """Return the error for a value of the wrong JSON type."""
    message = f"Invalid type for '{param}': expected {expected}, but got {type_name(value)} instead."
    return InvalidRequest(message, param=param, code="invalid_type")


def invalid_value(param: str, value: object, supported: str) -> InvalidRequest:
    """Return the error for a value outside a closed set, which `supported` lists quoted."""
    got = f": '{value}'" if isinstance(value, str) and _WORD.fullmatch(value) else f" for '{param}'"
    message = f"Invalid value{got}. Supported values are: {supported}."
    return InvalidRequest(message, param=param, code="invalid_value")


def above_maximum(param: str, value: float, bound: float) -> InvalidRequest:
    """Return the error for a number over `bound`, an integer for fields that hold integers."""
    kind = "integer" if isinstance(bound, int) else "decimal"
    message = (
        f"Invalid '{param}': {kind} above maximum value. "
        f"Expected a value <= {bound:g}, but got {value} instead."
    )
    return InvalidRequest(message, param=param, code=f"{kind}_above_max_value")


def below_minimum(param: str, value: float, bound: float) -> InvalidRequest:
    """Return the error for a number under `bound`, an integer for fields that hold integers."""
    kind = "integer" if isinstance(bound, int) else "decimal"
    message = (
        f"Invalid '{param}': {kind} below minimum value. "
        f"Expected a value >= {bound:g}, but got {value} instead."
    )
    return InvalidRequest(message, param=param, code=f"{kind}_below_min_value")


def array_too_long(param: str, length: int | None, bound: int) -> InvalidRequest:
    """Return the error for an array with more than `bound` items; `length` None where nobody counted."""
    got = f"an array with length {length}" if length is not None else "a longer one"
    message = (
        f"Invalid '{param}': array too long. "
        f"Expected an array with maximum length {bound}, but got {got} instead."
    )
    return InvalidRequest(message, param=param, code="array_above_max_length")


def array_too_short(param: str, length: int, bound: int) -> InvalidRequest:
    """Return the error for an array with fewer than `bound` items."""
    empty = length == 0
    got = "an empty array" if empty else f"an array with length {length}"
    message = (
        f"Invalid '{param}': {'empty array' if empty else 'array too short'}. "
        f"Expected an array with minimum length {bound}, but got {got} instead."
    )
    return InvalidRequest(message, param=param, code="empty_array" if empty else "array_below_min_length")


def string_too_long(param: str, length: int, bound: int) -> InvalidRequest:
    """Return the error for a string over `bound` characters."""
    message = (
        f"Invalid '{param}': string too long. "
        f"Expected a string with maximum length {bound}, but got a string with length {length} instead."
    )
    return InvalidRequest(message, param=param, code="string_above_max_length")


def string_too_short(param: str, length: int, bound: int) -> InvalidRequest:
    """Return the error for a string under `bound` characters."""
    message = (
        f"Invalid '{param}': string too short. "
        f"Expected a string with minimum length {bound}, but got a string with length {length} instead."
    )
    return InvalidRequest(message, param=param, code="string_below_min_length")


def pattern_mismatch(param: str, pattern: str) -> InvalidRequest:
    """Return the error for a string that does not match `pattern`."""
    message = (
        f"Invalid '{param}': string does not match pattern. "
        f"Expected a string that matches the pattern '{pattern}'."
    )
    return InvalidRequest(message, param=param, code="invalid_value")


def combination_error(param: str, message: str) -> InvalidRequest:
    """Return the error for fields that do not go together."""
    return InvalidRequest(message, param=param, code="invalid_parameter_combination")
