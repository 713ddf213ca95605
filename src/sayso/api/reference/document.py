"""The OpenAPI document: the application's own list of routes, with what the notes say of each."""

import inspect
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import BaseModel

from sayso import __version__
from sayso.api.health import health_router
from sayso.api.reference.chapters import CHAPTERS
from sayso.api.reference.common_codes import codes_of
from sayso.api.reference.note import Chapter, Json, Key, Note
from sayso.api.reference.samples import samples
from sayso.api.reference.words import FIELDS, PATH, QUERY, REQUIRED_QUERY

_IN_PATH = re.compile(r"\{(\w+)\}")
_REF = "#/components/schemas/"
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class Operation:
    """A route as the reference shows it."""

    method: str
    path: str
    note: Note
    chapter: Chapter
    description: str

    @property
    def id(self) -> str:
        """A name that no other operation has, fit for an address."""
        words = re.sub(r"[^a-z0-9]+", "-", self.path.removeprefix("/v1").lower()).strip("-")
        return f"{self.method.lower()}-{words}"


def operations(app: FastAPI) -> Iterator[Operation]:
    """Yield every route that the notes know, in their order. Raises KeyError for a note without a route."""
    described = {(method, path): route for method, path, route in _routes(app)}
    for chapter in CHAPTERS:
        for (method, path), note in chapter.routes.items():
            yield Operation(method, path, note, chapter, described[method, path])


def routes_without_note(app: FastAPI) -> set[Key]:
    """Return what the application serves below /v1 and the notes do not know."""
    noted = {key for chapter in CHAPTERS for key in chapter.routes}
    served = {(method.upper(), path) for path, found in app.openapi()["paths"].items() for method in found}
    return served - noted


@lru_cache(maxsize=1)
def document(app: FastAPI) -> Json:
    """Return the document, whole; it takes a tenth of a second to make, once."""
    schemas: Json = {}
    paths: Json = {}
    for one in operations(app):
        paths.setdefault(one.path, {})[one.method.lower()] = _operation(one, schemas)
    keys = {"type": "http", "scheme": "bearer"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "sayso", "version": __version__, "description": "A ChatGPT and Whisper API."},
        "tags": [{"name": chapter.title, "description": chapter.about} for chapter in CHAPTERS],
        "paths": paths,
        "components": {"schemas": schemas, "securitySchemes": {"project_key": keys, "admin_key": keys}},
    }


def _routes(app: FastAPI) -> Iterator[tuple[str, str, str]]:
    """Yield method, path and what the endpoint's docstring says."""
    for path, found in app.openapi()["paths"].items():
        for method, operation in found.items():
            yield method.upper(), path, _SPACE.sub(" ", operation.get("description", ""))
    for route in health_router.routes:
        if isinstance(route, APIRoute):
            said = inspect.getdoc(route.endpoint) or ""
            yield from ((method, route.path, said) for method in sorted(route.methods or ()))
    yield "GET", "/openapi.json", "Return the list of routes, with their bodies, parameters and errors."


def _operation(one: Operation, schemas: Json) -> Json:
    found: Json = {
        "operationId": one.id,
        "tags": [one.chapter.title],
        "summary": one.note.title,
        "description": one.description,
        "parameters": [*_path_parameters(one.path), *_query_parameters(one.note.query)],
        "responses": _responses(one),
        "security": {"project": [{"project_key": []}], "admin": [{"admin_key": []}]}.get(one.chapter.key, []),
        "x-codeSamples": samples(one.method, one.path, one.note, one.chapter.key),
        "x-errors": [
            {"name": code.name, "status": code.status}
            for code in codes_of(one.path, one.note, one.chapter.key)
        ],
    }
    if one.note.body is not None:
        schema = _schema(one.note.body, schemas)
        found["requestBody"] = _body("application/json", schema, one.note.example)
    elif one.note.form is not None:
        schema = _form_schema(one.note.form)
        found["requestBody"] = _body("multipart/form-data", schema, one.note.example)
    return found


def _body(media_type: str, schema: Json, example: Json | None) -> Json:
    return {"required": True, "content": {media_type: {"schema": schema, "example": example}}}


def _path_parameters(path: str) -> Iterator[Json]:
    for name in _IN_PATH.findall(path):
        said, example = PATH[name]
        yield {
            "name": name,
            "in": "path",
            "required": True,
            "description": said,
            "schema": {"type": "string"},
            "example": example,
        }


def _query_parameters(names: Iterable[str]) -> Iterator[Json]:
    for key in names:
        name, schema, said = QUERY[key]
        yield {
            "name": name,
            "in": "query",
            "required": key in REQUIRED_QUERY,
            "description": said,
            "schema": schema,
        }


def _responses(one: Operation) -> Json:
    content: Json = {one.note.answer: {}}
    if (answer := examples().get(f"{one.method} {one.path}")) is not None:
        content[one.note.answer]["example"] = answer
    found: Json = {"200": {"description": "Done.", "content": content}}
    for code in codes_of(one.path, one.note, one.chapter.key):
        known = found.setdefault(str(code.status), {"description": ""})
        known["description"] = f"{known['description']} {code.name}".strip()
    return found


def _form_schema(fields: Any) -> Json:
    properties = {name: {**schema, "description": FIELDS[f"form.{name}"]} for name, schema in fields.items()}
    return {"type": "object", "required": ["file", "model"], "properties": properties}


def _schema(body: type[BaseModel], schemas: Json) -> Json:
    """Put a body's schema, and those that it needs, among the document's, with the meaning of each field."""
    made = body.model_json_schema(ref_template=f"{_REF}{{model}}")
    needed = made.pop("$defs", {})
    for name, schema in {**needed, body.__name__: made}.items():
        schemas[name] = _described(name.removeprefix("_"), schema)
    return {"$ref": f"{_REF}{body.__name__}"}


def _described(model: str, schema: Json) -> Json:
    for name, field in schema.get("properties", {}).items():
        field.pop("title", None)
        field["description"] = FIELDS.get(f"{model}.{name}") or FIELDS[name]
    return schema


@lru_cache(maxsize=1)
def examples() -> dict[str, Any]:
    """Return real answers, by method and path, as tools/reference_examples.py recorded them."""
    found: dict[str, Any] = orjson.loads(files(__package__).joinpath("examples.json").read_bytes())
    return found
