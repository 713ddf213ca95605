"""The OpenAPI document as Markdown: a page for each chapter."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from fastapi import FastAPI

from sayso.api.reference.chapters import CHAPTERS
from sayso.api.reference.document import document
from sayso.api.reference.note import Json

FENCES = {"shell": "sh", "python": "python", "javascript": "javascript"}
KEYS = {
    "project": "Takes a key of a project.",
    "admin": "Takes an admin key.",
    "none": "Takes no key.",
}


@lru_cache(maxsize=1)
def reference_pages(app: FastAPI) -> dict[str, str]:
    """Return each chapter's Markdown by the page's name, in reading order."""
    whole = document(app)
    found: dict[str, str] = {}
    for chapter in CHAPTERS:
        shown = [
            _operation(method, path, whole["paths"][path][method.lower()], whole["components"]["schemas"])
            for method, path in chapter.routes
        ]
        head = f"# {chapter.title}\n\n{chapter.about} {KEYS[chapter.key]}\n"
        found[f"reference/{chapter.name}"] = "\n".join([head, *shown])
    return found


def chapter_titles() -> tuple[tuple[str, str], ...]:
    """Return the pages' names and titles, in reading order."""
    return tuple((f"reference/{chapter.name}", chapter.title) for chapter in CHAPTERS)


def _operation(method: str, path: str, one: Json, schemas: Json) -> str:
    lines = [f"## {one['summary']}", "", f"`{method} {path}`", "", one["description"], ""]
    for sample in one["x-codeSamples"]:
        lines += [f"```{FENCES[sample['lang']]}", sample["source"], "```", ""]
    lines += _parameters(one["parameters"])
    if body := one.get("requestBody"):
        ((media_type, content),) = body["content"].items()
        lines += _body(media_type, content["schema"], schemas)
    lines += _answer(one["responses"]["200"]["content"])
    lines += _errors(one["x-errors"])
    return "\n".join(lines)


def _parameters(parameters: list[Json]) -> Iterator[str]:
    for where, title in (("path", "In the path"), ("query", "In the query")):
        rows = [one for one in parameters if one["in"] == where]
        if rows:
            yield from (f"**{title}**", "", "| name | type | meaning |", "|---|---|---|")
            for one in rows:
                needed = " Required." if where == "query" and one["required"] else ""
                yield f"| `{one['name']}` | {_type(one['schema'], {})} | {one['description']}{needed} |"
            yield ""


def _body(media_type: str, schema: Json, schemas: Json) -> Iterator[str]:
    whole = _resolved(schema, schemas)
    form = " (a form)" if media_type.startswith("multipart") else ""
    yield from (f"**Body**{form}", "", "| field | type | meaning |", "|---|---|---|")
    yield from _fields(whole, schemas, "", ())
    yield ""


def _fields(schema: Json, schemas: Json, prefix: str, seen: tuple[str, ...]) -> Iterator[str]:
    """Yield a row for each field, and for those of the objects in it."""
    for name, field in schema.get("properties", {}).items():
        needed = " Required." if name in schema.get("required", ()) else ""
        yield f"| `{prefix}{name}` | {_type(field, schemas)} | {field['description']}{needed} |"
        for inner, many in _objects(field, schemas):
            if inner["title"] not in seen:
                deeper = f"{prefix}{name}{'[]' if many else ''}."
                yield from _fields(inner, schemas, deeper, (*seen, inner["title"]))


def _objects(field: Json, schemas: Json) -> Iterator[tuple[Json, bool]]:
    """Yield the objects that a field may hold, and whether it holds many."""
    for one in _alternatives(field):
        if "$ref" in one:
            yield _resolved(one, schemas), False
        elif "$ref" in (item := one.get("items", {})):
            yield _resolved(item, schemas), True


def _alternatives(field: Json) -> list[Json]:
    found = field.get("anyOf") or field.get("oneOf")
    if found is None:
        return [field]
    return [inner for one in found if one.get("type") != "null" for inner in _alternatives(one)]


def _resolved(schema: Json, schemas: Json) -> Json:
    if "$ref" not in schema:
        return schema
    resolved: Json = schemas[schema["$ref"].rpartition("/")[2]]
    return resolved


def _type(schema: Json, schemas: Json) -> str:
    said = " or ".join(dict.fromkeys(_one_type(one) for one in _alternatives(schema)))
    default = schema.get("default")
    return f"{said}, {_code(default)} by default" if default not in (None, "") else said


def _one_type(schema: Json) -> str:
    if "enum" in schema:
        return ", ".join(_code(value) for value in schema["enum"])
    if "const" in schema:
        return _code(schema["const"])
    if "$ref" in schema:
        return "object"
    match schema.get("type"):
        case None:
            return "any"
        case "array":
            items = schema.get("items", {})
            return "array" if "$ref" in items else f"array of {_one_type(items)}"
        case "string" if schema.get("format") == "binary":
            return "file"
        case kind:
            return f"{kind}{_bounds(schema)}"


def _bounds(schema: Json) -> str:
    least = schema.get("minimum", schema.get("minLength", schema.get("minItems")))
    most = schema.get("maximum", schema.get("maxLength", schema.get("maxItems")))
    unit = " characters" if "maxLength" in schema or "minLength" in schema else ""
    least, most = (
        number if number is None else f"{number:g}" if isinstance(number, float) else str(number)
        for number in (least, most)
    )
    match least, most:
        case None, None:
            return ""
        case _, None:
            return f", at least {least}{unit}"
        case None, _:
            return f", at most {most}{unit}"
        case _:
            return f", {least} to {most}{unit}"


def _code(value: Any) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"


def _answer(content: Json) -> Iterator[str]:
    ((media_type, found),) = content.items()
    if "example" in found:
        yield from ("**Response**", "", f"```{'json' if media_type.endswith('json') else 'text'}")
        example = found["example"]
        yield example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
        yield from ("```", "")


def _errors(errors: list[Json]) -> Iterator[str]:
    if not errors:
        return
    yield from ("**Errors**", "", "| status | code |", "|---|---|")
    for status in dict.fromkeys(one["status"] for one in errors):
        names = [one["name"] for one in errors if one["status"] == status]
        yield f"| {status} | {', '.join(f'[{name}](../errors.md#{name.lower()})' for name in names)} |"
    yield ""
