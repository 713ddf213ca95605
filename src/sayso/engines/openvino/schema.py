"""A JSON schema as a grammar: whatever the grammar lets through, the schema accepts.

The grammar may allow less than the schema (properties come in their order and undeclared ones do not come,
numbers have bounded digits), never more. A constraint that can not be kept is refused by name.
"""

import json
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from sayso.core.chat import Json, JsonObject
from sayso.engines.openvino.grammar import COLON, COMMA, Grammar, either, literal
from sayso.engines.openvino.numbers import decimals, integers
from sayso.engines.openvino.patterns import FORMATS, PatternRefused, pattern_terminal

_REFUSED = frozenset(
    {
        "not", "if", "then", "else", "dependentRequired", "dependentSchemas", "dependencies",
        "patternProperties", "propertyNames", "unevaluatedProperties", "unevaluatedItems", "contains",
        "minContains", "maxContains", "$dynamicRef", "$recursiveRef",
    }
)  # fmt: skip
_TYPES = ("object", "array", "string", "integer", "number", "boolean", "null")
_IMPLIED = {
    "object": ("properties", "required", "additionalProperties", "minProperties", "maxProperties"),
    "array": ("items", "prefixItems", "minItems", "maxItems", "uniqueItems"),
    "string": ("minLength", "maxLength", "pattern"),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
}
_MOST_RULES = 4000
_MOST_DEPTH = 64
_MOST_REPEATS = 1000


class SchemaRefused(ValueError):
    """The schema is malformed, or holds a constraint that can not be kept; the message names it."""


def schema_grammar(schema: JsonObject) -> str:
    """Compile a schema to the grammar's text. Raises `SchemaRefused`."""
    compiler = SchemaCompiler(schema)
    return compiler.grammar.text(compiler.value(schema))


class SchemaCompiler:
    """Compiles values of one schema document; `grammar` collects the rules."""

    def __init__(self, document: Json, grammar: Grammar | None = None) -> None:
        self.grammar = Grammar() if grammar is None else grammar
        self._document = document
        self._references: dict[str, str] = {}
        self._open: set[str] = set()  # references being expanded with nothing consumed yet
        self._depth = 0

    def value(self, schema: Json) -> str:
        """Return a terminal or rule name for the values that fit `schema`."""
        if schema is True or schema == {}:
            return "value"
        if not isinstance(schema, dict):
            raise SchemaRefused(
                "a schema that allows nothing" if schema is False else "a schema must be an object"
            )
        for keyword in schema:
            if keyword in _REFUSED:
                raise SchemaRefused(f"the keyword '{keyword}' is not supported")
        self._depth += 1
        if self._depth > _MOST_DEPTH or len(self.grammar) > _MOST_RULES:
            raise SchemaRefused("the schema is too large or too deeply nested")
        try:
            return self._branch(schema)
        finally:
            self._depth -= 1

    def _branch(self, schema: JsonObject) -> str:
        if "$ref" in schema:
            rest = {
                k: v for k, v in schema.items() if k not in ("$ref", "$defs", "definitions", *_ANNOTATIONS)
            }
            reference = schema["$ref"]
            if not isinstance(reference, str):
                raise SchemaRefused("'$ref' must be a string")
            return self.value(_merge(self._resolve(reference), rest)) if rest else self._reference(reference)
        if "const" in schema:
            return literal(dump(schema["const"]))
        if "enum" in schema:
            return self._enum(schema)
        if "allOf" in schema:
            return self.value(self._all_of(schema))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                return self._any_of(schema, keyword)
        return either([self._typed(kind, schema) for kind in _kinds(schema)])

    def _enum(self, schema: JsonObject) -> str:
        values = schema["enum"]
        if not isinstance(values, list) or not values:
            raise SchemaRefused("'enum' must be a list that is not empty")
        kinds = _kinds(schema)
        fitting = (
            [v for v in values if any(_is_kind(v, kind) for kind in kinds)] if "type" in schema else values
        )
        if not fitting:
            raise SchemaRefused("'enum' has no value of the schema's type")
        return either([literal(dump(value)) for value in fitting])

    def _all_of(self, schema: JsonObject) -> JsonObject:
        parts = schema["allOf"]
        if not isinstance(parts, list) or not parts:
            raise SchemaRefused("'allOf' must be a list that is not empty")
        merged: JsonObject = {k: v for k, v in schema.items() if k != "allOf"}
        for part in parts:
            while isinstance(part, dict) and isinstance(part.get("$ref"), str):
                part = _merge(
                    self._resolve(str(part["$ref"])), {k: v for k, v in part.items() if k != "$ref"}
                )
                self._depth += 1
                if self._depth > _MOST_DEPTH:
                    raise SchemaRefused("'$ref' leads back to itself")
            if not isinstance(part, dict):
                raise SchemaRefused("'allOf' must hold objects")
            merged = _merge(merged, part)
        return merged

    def _any_of(self, schema: JsonObject, keyword: str) -> str:
        branches = schema[keyword]
        if not isinstance(branches, list) or not branches:
            raise SchemaRefused(f"'{keyword}' must be a list that is not empty")
        base: JsonObject = {k: v for k, v in schema.items() if k not in (keyword, *_ANNOTATIONS)}
        if keyword == "oneOf":
            _check_disjoint([self._shape(branch) for branch in branches])
        return either([self.value(_merge(base, b) if base and isinstance(b, dict) else b) for b in branches])

    def _shape(self, schema: Json) -> Json:
        seen = 0
        while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and seen < _MOST_DEPTH:
            schema, seen = self._resolve(str(schema["$ref"])), seen + 1
        return schema

    def _reference(self, reference: str) -> str:
        if reference in self._open:
            raise SchemaRefused(f"'$ref' {reference} leads back to itself")
        if reference not in self._references:
            name = self.grammar.reserve()
            self._references[reference] = name
            self._open.add(reference)
            self.grammar.define(name, self.value(self._resolve(reference)))
            self._open.discard(reference)
        return self._references[reference]

    def _resolve(self, reference: str) -> Json:
        if not reference.startswith("#"):
            raise SchemaRefused("'$ref' must point into the same schema")
        at = self._document
        for part in filter(None, reference[1:].split("/")):
            key = part.replace("~1", "/").replace("~0", "~").replace("%24", "$")
            if isinstance(at, dict) and key in at:
                at = at[key]
            elif isinstance(at, list) and key.isdigit() and int(key) < len(at):
                at = at[int(key)]
            else:
                raise SchemaRefused(f"'$ref' {reference} points at nothing")
        return at

    def _inside(self, schema: Json) -> str:
        """Compile a value that comes after at least one character, where recursion is sound."""
        shut, self._open = self._open, set()
        try:
            return self.value(schema)
        finally:
            self._open = shut

    def _typed(self, kind: str, schema: JsonObject) -> str:
        match kind:
            case "object":
                return self._object(schema)
            case "array":
                return self._array(schema)
            case "string":
                return _string(schema)
            case "integer" | "number":
                return _number(kind, schema)
            case "boolean":
                return '("true" | "false")'
            case _:
                return '"null"'

    def _object(self, schema: JsonObject) -> str:
        properties = schema.get("properties", {})
        required = schema.get("required", [])
        if not isinstance(properties, dict) or not isinstance(required, list):
            raise SchemaRefused("'properties' must be an object and 'required' a list")
        extra = schema.get("additionalProperties", True)
        missing = [str(name) for name in required if name not in properties]
        if missing and extra is False:
            raise SchemaRefused(f"'required' names '{missing[0]}', which 'additionalProperties' forbids")
        fields = {**properties, **dict.fromkeys(missing, extra)}
        fields = {k: v for k, v in fields.items() if v is not False or k in required}
        low, high = _bounds(schema, "minProperties", "maxProperties")
        if not fields:
            return self._map(extra, low, high)
        if low > len(required) or (high is not None and high < len(fields)):
            raise SchemaRefused("'minProperties' and 'maxProperties' are not supported beside 'properties'")
        pairs = [
            (f"{literal(dump(name))} {COLON} {self._inside(field)}", name in required)
            for name, field in fields.items()
        ]
        return self.grammar.rule(f'"{{" {self._members(pairs)} "}}"')

    def _map(self, extra: Json, low: int, high: int | None) -> str:
        if extra is False:
            if low:
                raise SchemaRefused("'minProperties' can not be met")
            return '"{}"'
        if low > 1:  # the grammar can not keep two members from having the same name
            raise SchemaRefused("'minProperties' over 1 is not supported")
        member = self.grammar.rule(f"string {COLON} {self._inside(extra)}")
        return self.grammar.rule(f'"{{" {_repeated(member, low, high)} "}}"')

    def _members(self, pairs: list[tuple[str, bool]]) -> str:
        """Return the members in order: `after` continues a list that is begun, `first` an empty one."""
        after = '""'
        first = '""'
        for pair, needed in reversed(pairs):
            started = f"{pair} {after}"
            first = started if needed else self.grammar.rule(f"{started} | {first}")
            continued = f"{COMMA} {pair}"
            after = self.grammar.rule(f"{continued} {after}" if needed else f"({continued})? {after}")
        return first

    def _array(self, schema: JsonObject) -> str:
        if schema.get("uniqueItems"):
            raise SchemaRefused("the keyword 'uniqueItems' is not supported")
        low, high = _bounds(schema, "minItems", "maxItems")
        prefix = schema.get("prefixItems", [])
        items = schema.get("items", True)
        if isinstance(items, list):
            prefix, items = items, schema.get("additionalItems", True)
        if not isinstance(prefix, list):
            raise SchemaRefused("'prefixItems' must be a list")
        if not prefix:
            if items is False:
                high = 0
            if high == 0:
                if low:
                    raise SchemaRefused("'minItems' can not be met")
                return '"[]"'
            return self.grammar.rule(f'"[" {_repeated(self._inside(items), low, high)} "]"')
        if high is not None and high < len(prefix):
            prefix, items = prefix[:high], False
        if items is False and low > len(prefix):
            raise SchemaRefused("'minItems' can not be met")
        head = f" {COMMA} ".join(self._inside(item) for item in prefix)
        tail = ""
        if items is not False:
            most = None if high is None else high - len(prefix)
            count = _count(max(0, low - len(prefix)), most)
            tail = f" ({COMMA} {self._inside(items)}){count}" if most != 0 else ""
        return self.grammar.rule(f'"[" {head}{tail} "]"')


_ANNOTATIONS = ("title", "description", "default", "examples", "$schema", "$id", "$comment", "deprecated",
                "readOnly", "writeOnly", "$defs", "definitions")  # fmt: skip


def dump(value: Json) -> str:
    """Write a value as the grammar's separators have it."""
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))


def _kinds(schema: JsonObject) -> list[str]:
    named = schema.get("type")
    if named is None:
        implied = [kind for kind, keywords in _IMPLIED.items() if any(k in schema for k in keywords)]
        return implied or (["string"] if "format" in schema else list(_TYPES))
    kinds = named if isinstance(named, list) else [named]
    if not kinds:
        raise SchemaRefused("'type' is empty")
    for kind in kinds:
        if kind not in _TYPES:
            raise SchemaRefused(f"unknown type {dump(kind)}")
    return [str(kind) for kind in kinds]


def _is_kind(value: Json, kind: str) -> bool:
    match value:
        case bool():
            return kind == "boolean"
        case None:
            return kind == "null"
        case str():
            return kind == "string"
        case int():
            return kind in ("integer", "number")
        case float():
            return kind == "number" or (kind == "integer" and value.is_integer())
        case list():
            return kind == "array"
        case _:
            return kind == "object"


def _merge(base: Json, extra: Json) -> JsonObject:
    """Return a schema that both must fit, for the simple cases. Raises `SchemaRefused` for the others."""
    if base is True:
        base = {}
    if not isinstance(base, dict) or not isinstance(extra, dict):
        raise SchemaRefused("schemas that can not be combined")
    merged: JsonObject = dict(base)
    for key, value in extra.items():
        old = merged.get(key)
        if key not in merged or old == value or key in _ANNOTATIONS:
            merged[key] = {**old, **value} if isinstance(old, dict) and isinstance(value, dict) else value
        elif key == "properties" and isinstance(old, dict) and isinstance(value, dict):
            merged[key] = {**old, **{k: _merge(old[k], v) if k in old else v for k, v in value.items()}}
        elif key == "required" and isinstance(old, list) and isinstance(value, list):
            merged[key] = [*old, *(name for name in value if name not in old)]
        elif key == "type":
            merged[key] = _common_types(old, value)
        else:
            raise SchemaRefused(f"'{key}' is constrained twice")
    return merged


def _common_types(old: Json, new: Json) -> Json:
    first = old if isinstance(old, list) else [old]
    second = new if isinstance(new, list) else [new]
    both: list[Json] = [kind for kind in first if kind in second]
    if "integer" in first and "number" in second and "integer" not in both:
        both.append("integer")
    if "number" in first and "integer" in second and "integer" not in both:
        both.append("integer")
    if not both:
        raise SchemaRefused("'type' is constrained twice")
    return both


def _check_disjoint(branches: list[Json]) -> None:
    """Refuse a `oneOf` two of whose branches one value could fit: types, or a constant, must differ."""
    for i, one in enumerate(branches):
        for other in branches[i + 1 :]:
            if not (isinstance(one, dict) and isinstance(other, dict)) or not _differ(one, other):
                raise SchemaRefused("'oneOf' with branches that one value could fit: use 'anyOf'")


def _differ(one: JsonObject, other: JsonObject) -> bool:
    if _values(one) is not None and _values(other) is not None:
        return not {dump(v) for v in _values(one) or []} & {dump(v) for v in _values(other) or []}
    if "type" in one and "type" in other:
        kinds = {("number" if k == "integer" else k) for k in _kinds(one)}
        if not kinds & {("number" if k == "integer" else k) for k in _kinds(other)}:
            return True
    ours, theirs = one.get("properties"), other.get("properties")
    if not isinstance(ours, dict) or not isinstance(theirs, dict):
        return False
    if any(
        isinstance(ours[k], dict) and isinstance(theirs[k], dict) and _differ(ours[k], theirs[k])  # type: ignore[arg-type]
        for k in ours.keys() & theirs.keys()
        if k in _names(one, "required") and k in _names(other, "required")
    ):
        return True
    return any(
        a.get("additionalProperties") is False and _names(b, "required") - set(_names(a, "properties"))
        for a, b in ((one, other), (other, one))
    )


def _names(schema: JsonObject, keyword: str) -> set[str]:
    found = schema.get(keyword)
    return {str(name) for name in found} if isinstance(found, list | dict) else set()


def _values(schema: Mapping[str, Json]) -> list[Json] | None:
    if "const" in schema:
        return [schema["const"]]
    values = schema.get("enum")
    return values if isinstance(values, list) else None


def _bounds(schema: JsonObject, least: str, most: str) -> tuple[int, int | None]:
    low, high = schema.get(least, 0), schema.get(most)
    for name, bound in ((least, low), (most, high)):
        if bound is not None and (isinstance(bound, bool) or not isinstance(bound, int) or bound < 0):
            raise SchemaRefused(f"'{name}' must be a whole number")
    if isinstance(low, int) and low > _MOST_REPEATS:
        raise SchemaRefused(f"'{least}' over {_MOST_REPEATS} is not supported")
    if isinstance(high, int) and isinstance(low, int) and high < low:
        raise SchemaRefused(f"'{most}' is less than '{least}'")
    first = low if isinstance(low, int) else 0
    return first, min(high, _MOST_REPEATS) if isinstance(high, int) else None


def _count(low: int, high: int | None) -> str:
    if high is None:
        return "*" if low == 0 else f"{{{low},}}"
    return f"{{{low},{high}}}"


def _repeated(item: str, low: int, high: int | None) -> str:
    if high == 0:
        return '""'
    more = _count(max(0, low - 1), None if high is None else high - 1)
    body = f"{item} ({COMMA} {item}){more}" if high != 1 else item
    return body if low else f"({body})?"


def _string(schema: JsonObject) -> str:
    low, high = _bounds(schema, "minLength", "maxLength")
    bounded = low > 0 or high is not None
    pattern = schema.get("pattern")
    if pattern is not None:
        if bounded:
            raise SchemaRefused("'pattern' is not supported beside 'minLength' and 'maxLength'")
        try:
            return f'("\\"" {pattern_terminal(str(pattern))} "\\"")'
        except PatternRefused as refusal:
            raise SchemaRefused(f"'pattern' is not supported: {refusal}") from None
    form = schema.get("format")
    if isinstance(form, str) and form in FORMATS and not bounded:
        return f'("\\"" {FORMATS[form]} "\\"")'
    return f'("\\"" char{_count(low, high)} "\\"")' if bounded else "string"


def _number(kind: str, schema: JsonObject) -> str:
    low, high = _limit(schema, "minimum"), _limit(schema, "maximum")
    above, below = _limit(schema, "exclusiveMinimum"), _limit(schema, "exclusiveMaximum")
    step = schema.get("multipleOf")
    if step is not None:
        return _multiples(kind, schema, low, high, above, below)
    if low is high is above is below is None:
        return kind
    # a bound that is excluded moves in by a step that is small beside it; whole numbers move by one
    tiny = Fraction(1) if kind == "integer" else Fraction(1, 10**6)
    lows = [bound for bound in (low, None if above is None else _next_up(above, tiny)) if bound is not None]
    highs = [
        bound for bound in (high, None if below is None else -_next_up(-below, tiny)) if bound is not None
    ]
    first, last = max(lows, default=None), min(highs, default=None)
    if kind == "integer":
        text = integers(
            None if first is None else -((-first).__floor__()), None if last is None else last.__floor__()
        )
    else:
        text = decimals(first, last)
    if text is None:
        raise SchemaRefused("no number was found between 'minimum' and 'maximum'")
    return text


def _next_up(bound: Fraction, step: Fraction) -> Fraction:
    return Fraction(bound.__floor__() + 1) if step == 1 else bound + step


def _limit(schema: JsonObject, keyword: str) -> Fraction | None:
    bound = schema.get(keyword)
    if bound is None:
        return None
    if (
        isinstance(bound, bool)
        or not isinstance(bound, int | float)
        or bound != bound
        or abs(bound) == float("inf")
    ):
        raise SchemaRefused(f"'{keyword}' must be a number")
    return Fraction(str(bound))


def _multiples(kind: str, schema: JsonObject, *limits: Fraction | None) -> str:
    step = _limit(schema, "multipleOf")
    if step is None or step <= 0:
        raise SchemaRefused("'multipleOf' must be over 0")
    low, high, above, below = limits
    if step == 1 or (kind == "integer" and step.numerator == 1):
        return _number("integer", {k: v for k, v in schema.items() if k != "multipleOf"})
    if step.denominator != 1 or above is not None or below is not None:
        raise SchemaRefused(f"'multipleOf' {schema['multipleOf']} is not supported")
    if low is None and high is None:
        low, high = Fraction(0), step * 500
    first = (
        -((-low / step).__floor__())
        if low is not None
        else (high or Fraction(0)).__floor__() // step.numerator - 500
    )
    last = (high / step).__floor__() if high is not None else first + 500
    values = [str(int(step * k)) for k in range(first, min(last, first + 500) + 1)]
    if not values:
        raise SchemaRefused("no multiple was found between 'minimum' and 'maximum'")
    return either([literal(value) for value in values])


def plain(schema: Any) -> JsonObject:
    """Return `schema` where it is an object, an empty one where there is none. Raises `SchemaRefused`."""
    if schema is None:
        return {}
    if not isinstance(schema, dict):
        raise SchemaRefused("a schema must be an object")
    return schema
