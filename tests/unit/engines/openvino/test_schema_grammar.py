"""Schemas that the compiler takes or refuses; what the grammars write is tested with the real engine."""

import random
import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sayso.engines.openvino.numbers import decimals, integers
from sayso.engines.openvino.patterns import PatternRefused, pattern_terminal
from sayso.engines.openvino.schema import SchemaRefused, schema_grammar


@pytest.mark.parametrize(
    ("schema", "named"),
    [
        ({"type": "objekt"}, "objekt"),
        ({"not": {}}, "'not'"),
        ({"type": "array", "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "pattern": "(?=a)"}, "pattern"),
        ({"$ref": "#/$defs/none"}, "points at nothing"),
        ({"$ref": "http://example.org/x"}, "same schema"),
        ({"$ref": "#"}, "leads back"),
        ({"anyOf": [{"$ref": "#"}]}, "leads back"),
        ({"allOf": [{"$ref": "#"}]}, "nested"),
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"type": "integer", "minimum": 5, "maximum": 4}, "minimum"),
        ({"enum": []}, "enum"),
        ({"type": "object", "required": ["a"], "additionalProperties": False}, "required"),
        ({"type": "string", "minLength": -1}, "minLength"),
        ({"properties": []}, "properties"),
        ({"type": "array", "items": False, "minItems": 1}, "minItems"),
    ],
)
def test_what_can_not_be_kept_is_refused_by_name(schema: dict[str, Any], named: str) -> None:
    with pytest.raises(SchemaRefused, match=re.escape(named)):
        schema_grammar(schema)


def test_a_deep_schema_is_refused_rather_than_overflowing() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(500):
        schema = {"type": "object", "properties": {"a": schema}}
    with pytest.raises(SchemaRefused, match="deep"):
        schema_grammar(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
        {
            "oneOf": [
                {"properties": {"k": {"const": 1}}, "required": ["k"]},
                {"properties": {"k": {"const": 2}}, "required": ["k"]},
            ]
        },
        {
            "$defs": {"p": {"type": "string", "title": "P"}},
            "properties": {"x": {"$ref": "#/$defs/p", "description": "d"}},
        },
        {
            "allOf": [
                {"properties": {"a": {"type": "string"}}},
                {"properties": {"b": {"type": "string"}}, "required": ["b"]},
            ]
        },
    ],
)
def test_every_rule_that_is_named_is_defined(schema: dict[str, Any]) -> None:
    grammar = schema_grammar(schema)
    defined = set(re.findall(r"^(\w+) ::=", grammar, re.M))
    bare = re.sub(r'"(\\.|[^"\\])*"|\[(\\.|[^\]\\])*\]|\{[0-9,]*\}', " ", grammar)
    assert set(re.findall(r"[a-z]\w*", bare)) <= defined


@pytest.mark.parametrize("pattern", [r"^\d{3}-[A-Z]+$", r"^(a|bc)*x?$", "ab", r"^[^a-y]$", r"^a\.b$"])
def test_patterns_of_the_common_core_are_taken(pattern: str) -> None:
    assert pattern_terminal(pattern)


@pytest.mark.parametrize("pattern", ["(?<n>a)", "a{2000}", "(a", "a)", "*a", r"\1", "^a|b$", "[", r"a\q"])
def test_other_patterns_are_refused(pattern: str) -> None:
    with pytest.raises(PatternRefused):
        pattern_terminal(pattern)


def to_regex(terminal: str) -> re.Pattern[str]:
    text = re.sub(r'"([^"]*)"', lambda m: re.escape(m[1]), terminal)
    return re.compile(text.replace(" ", ""))


@given(st.integers(-2000, 2000), st.integers(0, 3000), st.integers(-6000, 6000))
def test_integers_are_exactly_those_between_the_bounds(low: int, width: int, value: int) -> None:
    terminal = integers(low, low + width)
    assert terminal is not None
    assert bool(to_regex(terminal).fullmatch(str(value))) == (low <= value <= low + width)


@given(st.integers(-300, 300), st.integers(0, 300), st.randoms(use_true_random=False))
def test_decimals_stay_between_the_bounds(low: int, width: int, chance: random.Random) -> None:
    first, last = Fraction(low, 10), Fraction(low + width, 10)
    terminal = decimals(first, last)
    assert terminal is not None
    pattern = to_regex(terminal)
    for _ in range(50):
        value = chance.randrange(-70_000, 70_000)
        text = f"{'-' if value < 0 else ''}{abs(value) // 1000}.{abs(value) % 1000:03d}"
        if pattern.fullmatch(text):
            assert first <= Fraction(text) <= last
