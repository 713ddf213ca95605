"""docs/errors.md has every error and every code, each with its cause and its remedy."""

import re
from pathlib import Path

import sayso.errors as errors
from sayso.api.documentation.library import library
from sayso.api.errors import BodyTimeout, Draining, MethodNotSupported, UnknownUrl, to_wire
from sayso.errors import SaysoError

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "errors.md").read_text("utf-8")
CODE_LITERAL = re.compile(r'\bcode="([a-z_]+)"')
CODE = re.compile(r"[a-z_]+")
ROW = re.compile(r"^\| `(\w+)` \| (\d+) \| `(\w+)` \| .+ \|$", re.MULTILINE)
BOUNDS = {  # codes that are put together
    f"{kind}_{bound}_value" for kind in ("integer", "decimal") for bound in ("above_max", "below_min")
} | {"array_below_min_length"}
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

WIRES = {type(error).__name__: to_wire(error) for error in EXAMPLES}


def entries() -> dict[str, str]:
    """What stands under each code."""
    found = library().pages["errors"].content.sections
    return {section.title: section.text for section in found if section.level == 3}


def raised() -> set[str]:
    """Every code in the code base."""
    sources = (path.read_text("utf-8") for path in (ROOT / "src").rglob("*.py"))
    codes = {code for source in sources for code in CODE_LITERAL.findall(source)}
    return codes | BOUNDS | {wire.code for wire in WIRES.values() if wire.code}


def families(error: type[SaysoError]) -> set[type[SaysoError]]:
    """Every kind of error, without those that only group others."""
    return {error} | {inner for one in error.__subclasses__() for inner in families(one)}


def test_every_error_has_its_status_and_type() -> None:
    shown = {name: (int(status), kind) for name, status, kind in ROW.findall(PAGE)}
    assert shown == {name: (wire.status, wire.type) for name, wire in WIRES.items()}


def test_every_kind_of_error_is_among_the_examples() -> None:
    groups = {errors.SaysoError, errors.RequestError, errors.EngineError}
    ours = {
        one for one in families(SaysoError) - groups if one.__module__ in ("sayso.errors", "sayso.api.errors")
    }
    assert {one.__name__ for one in ours} == set(WIRES)


def test_every_code_has_a_cause_and_a_remedy() -> None:
    explained = entries()
    for name in raised() | {name for name, wire in WIRES.items() if wire.code is None} - {"InvalidRequest"}:
        assert re.fullmatch(r"Cause\. .+ Remedy\. .+", explained.get(name, "")), name


def test_no_code_is_explained_that_nobody_meets() -> None:
    codes = {name for name in entries() if CODE.fullmatch(name)}
    assert codes == raised()
