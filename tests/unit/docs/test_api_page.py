"""docs/api.md says what the code does: the same endpoints, parameters, errors and codes."""

import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from fastapi.routing import APIRoute

import sayso.errors as errors
from sayso.api.application import create_api
from sayso.api.errors import BodyTimeout, Draining, MethodNotSupported, UnknownUrl, to_wire
from sayso.api.health import health_router
from sayso.api.openai import audio_request
from sayso.api.openai.chat_schemas import ChatBody
from sayso.api.openai.completion_schemas import CompletionBody
from sayso.api.services import Limits, Services
from sayso.errors import SaysoError

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "api.md").read_text("utf-8")
CODE_LITERAL = re.compile(r'\bcode="([a-z_]+)"')
NAME = re.compile(r"`([^`]+)`")
EXAMPLES: tuple[SaysoError, ...] = (
    errors.InvalidRequest("m"),
    errors.UnsupportedParameter("p"),
    errors.ContextLengthExceeded(context_length=1, prompt_tokens=2),
    errors.AudioRejected("m"),
    errors.AuthenticationFailed("m"),
    errors.PermissionRefused("m"),
    errors.ModelNotFound("m"),
    errors.ModelRetired("m", 0.0),
    errors.SnapshotInUse("m", "r"),
    errors.ObjectNotFound("m"),
    UnknownUrl("GET", "/"),
    MethodNotSupported("PUT"),
    BodyTimeout("m"),
    errors.BodyTooLarge(limit=1, received=2),
    errors.RateLimited(
        meter="requests",
        period="minute",
        limit=1,
        remaining=0,
        requested=1,
        retry_after=1.0,
        model="m",
        scope="key k",
    ),
    errors.QuotaExceeded(),
    errors.IdempotencyConflict("m", code="idempotency_key_reused", request_id="r"),
    errors.AmountOverflow(),
    errors.StorageUnavailable(),
    errors.ConfigurationError("m"),
    errors.IntegrityError("m"),
    errors.EngineFailed("m"),
    errors.CapacityUnavailable("m"),
    errors.InstanceStateConflict("start", "ready"),
    errors.InstanceOverloaded(retry_after=1.0),
    errors.EngineOverloaded("m"),
    errors.EngineUnavailable("m"),
    Draining(),
)


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


def test_every_error_has_its_status_and_type() -> None:
    table = [cells for cells in rows(section("Errors")) if len(cells) == 4]
    shown = {cells[0].strip("`"): (int(cells[1]), cells[2].strip("`")) for cells in table}
    wires = {type(error).__name__: to_wire(error) for error in EXAMPLES}
    assert shown == {name: (wire.status, wire.type) for name, wire in wires.items()}


def test_every_code_that_is_raised_is_explained() -> None:
    raised = {
        code
        for path in (ROOT / "src").rglob("*.py")
        for code in CODE_LITERAL.findall(path.read_text("utf-8"))
    }
    raised |= {wire.code for wire in map(to_wire, EXAMPLES) if wire.code}
    explained = {
        name for cells in rows(section("Errors")) if len(cells) == 2 for name in NAME.findall(cells[0])
    }
    assert raised <= explained, raised - explained


def test_the_limits_are_those_of_the_code() -> None:
    limits = Limits()
    text = section("Limits")
    assert f"{limits.max_upload_bytes >> 20} MiB" in text
    assert f"{limits.max_body_bytes >> 20} MiB" in text
    assert f"{limits.body_idle_seconds:g} s without a byte, {limits.body_total_seconds:g} s in all" in text
