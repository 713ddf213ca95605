"""docs/api.md says what the code does: the same endpoints, parameters and limits."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi.routing import APIRoute

from sayso.api.application import create_api
from sayso.api.health import health_router
from sayso.api.openai import audio_request
from sayso.api.openai.chat_schemas import ChatBody
from sayso.api.openai.completion_schemas import CompletionBody
from sayso.api.services import Limits, Services

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
NAME = re.compile(r"`([^`]+)`")


def section(title: str) -> str:
    """The page's text between a heading and the next."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no section '{title}'"
    return found.group(1)


def rows(text: str) -> Iterator[list[str]]:
    """The cells of every row of every table in `text`, heads left out."""
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        for line in table.splitlines()[2:]:
            yield [cell.strip() for cell in line.strip("|").split("|")]


def first_cells(title: str) -> set[str]:
    return {name.removesuffix("[]") for cells in rows(section(title)) for name in NAME.findall(cells[0])}


def test_every_endpoint_is_on_the_page_and_no_other() -> None:
    services = cast("Services", SimpleNamespace(ledger=None, health=None, metrics=None))
    paths: dict[str, Any] = create_api(services).openapi()["paths"]
    served = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    served |= {
        (method, route.path)
        for route in health_router.routes
        if isinstance(route, APIRoute)
        for method in route.methods or ()
    }
    shown = {(method, path.strip("`")) for method, path, _ in rows(section("Endpoints"))}
    assert shown == served | {("GET", "/openapi.json")}


@pytest.mark.parametrize(
    ("title", "body"), [("Chat completions", ChatBody), ("Legacy completions", CompletionBody)]
)
def test_every_parameter_of_a_body_has_its_row(title: str, body: type[ChatBody | CompletionBody]) -> None:
    assert first_cells(title) == set(body.model_fields)


@pytest.mark.parametrize(
    ("title", "known"),
    [
        ("Transcriptions", audio_request._TRANSCRIPTION),
        ("Languages", audio_request._DETECTION),
    ],
)
def test_every_field_of_a_form_has_its_row(title: str, known: set[str]) -> None:
    assert first_cells(title) == known | {"file"}


def test_every_field_of_a_translation_is_named() -> None:
    named = set(NAME.findall(section("Translations").partition("as above")[0]))
    assert named == audio_request._TRANSLATION | {"file"}


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    text = section("Limits")
    assert f"{limits.max_upload_bytes >> 20} MiB" in text
    assert f"{limits.max_body_bytes >> 20} MiB" in text
    assert f"{limits.body_idle_seconds:g} s without a byte, {limits.body_total_seconds:g} s in all" in text
