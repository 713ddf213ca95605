from collections.abc import Iterator

import orjson
import pytest

import sayso.errors as errors
from sayso.api.errors import INTERNAL_MESSAGE, BodyTimeout, Draining, MethodNotSupported, UnknownUrl, to_wire
from sayso.billing.invoice_store import InvoiceAltered
from sayso.engines.wire.errors import MissingUpstream
from sayso.errors import SaysoError
from sayso.retention.sealing import ContentAltered

LIMITED = errors.RateLimited(
    meter="tokens",
    period="minute",
    limit=10,
    remaining=4,
    requested=5,
    retry_after=3.0,
    model="m",
    scope="project p",
)
CASES: list[tuple[SaysoError, int, str, str | None]] = [
    (errors.ConfigurationError("secret setting"), 500, "server_error", None),
    (errors.InvalidRequest("m", param="p", code="c"), 400, "invalid_request_error", "c"),
    (errors.UnsupportedParameter("logit_bias"), 400, "invalid_request_error", "unsupported_parameter"),
    (
        errors.ContextLengthExceeded(context_length=8, prompt_tokens=9),
        400,
        "invalid_request_error",
        "context_length_exceeded",
    ),
    (errors.AudioRejected("m"), 400, "invalid_request_error", None),
    (errors.BodyTooLarge(limit=1, received=2), 413, "server_error", None),
    (
        errors.AuthenticationFailed("m", code="invalid_api_key"),
        401,
        "invalid_request_error",
        "invalid_api_key",
    ),
    (errors.IdempotencyConflict("m", code="c", request_id="r"), 409, "invalid_request_error", "c"),
    (errors.CapacityUnavailable("m"), 409, "invalid_request_error", "capacity_unavailable"),
    (
        errors.InstanceStateConflict("start", "ready"),
        409,
        "invalid_request_error",
        "instance_state_conflict",
    ),
    (errors.InstanceOverloaded(retry_after=0.25), 429, "requests", "instance_overloaded"),
    (errors.AmountOverflow(), 500, "server_error", None),
    (errors.PermissionRefused("m"), 403, "invalid_request_error", None),
    (errors.ModelNotFound("x"), 404, "invalid_request_error", "model_not_found"),
    (errors.ModelRetired("x", 0.0, "y"), 404, "invalid_request_error", "model_not_found"),
    (errors.SnapshotInUse("x", "r"), 409, "invalid_request_error", "snapshot_in_use"),
    (errors.IntegrityError("m"), 500, "server_error", None),
    (errors.ObjectNotFound("m"), 404, "invalid_request_error", None),
    (errors.StorageUnavailable(), 503, "server_error", None),
    (LIMITED, 429, "tokens", "rate_limit_exceeded"),
    (errors.QuotaExceeded(), 429, "insufficient_quota", "insufficient_quota"),
    (InvoiceAltered("INV-000001"), 500, "server_error", None),
    (ContentAltered("chatcmpl-1"), 500, "server_error", None),
    (errors.EngineOverloaded("m"), 503, "server_error", "server_is_overloaded"),
    (errors.EngineUnavailable("m"), 503, "server_error", None),
    (errors.EngineFailed("m"), 500, "server_error", None),
    (MissingUpstream("m"), 500, "server_error", None),
    (BodyTimeout("m"), 408, "invalid_request_error", None),
    (UnknownUrl("GET", "/x"), 404, "invalid_request_error", "unknown_url"),
    (MethodNotSupported("PUT"), 405, "invalid_request_error", "method_not_supported"),
    (Draining(), 503, "server_error", None),
]


def leaves(kind: type[SaysoError]) -> Iterator[type[SaysoError]]:
    subclasses = kind.__subclasses__()
    if not subclasses:
        yield kind
    for subclass in subclasses:
        yield from leaves(subclass)


def test_every_error_has_a_row() -> None:
    known = {type(error) for error, *_ in CASES}
    missing = {kind for kind in leaves(SaysoError) if kind.__module__.startswith("sayso.")} - known
    assert not missing, f"no case for {missing}"


@pytest.mark.parametrize(("error", "status", "kind", "code"), CASES, ids=lambda value: type(value).__name__)
def test_status_and_object(error: SaysoError, status: int, kind: str, code: str | None) -> None:
    wire = to_wire(error)
    body = orjson.loads(wire.body)
    assert wire.status == status
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    assert (body["error"]["type"], body["error"]["code"]) == (kind, code)


@pytest.mark.parametrize(("seconds", "header"), [(0.0, "1"), (0.2, "1"), (1.0, "1"), (1.1, "2"), (30, "30")])
def test_retry_after_is_whole_and_at_least_a_second(seconds: float, header: str) -> None:
    for error in (
        errors.EngineOverloaded("m", retry_after=seconds),
        errors.EngineUnavailable("m", retry_after=seconds),
        errors.StorageUnavailable(retry_after=seconds),
    ):
        assert to_wire(error).headers["retry-after"] == header
        assert to_wire(error).headers["x-should-retry"] == "true"


def test_a_wrong_configuration_is_not_told_to_callers() -> None:
    wire = to_wire(errors.ConfigurationError("secret setting"))
    assert wire.message == INTERNAL_MESSAGE
    assert wire.headers["x-should-retry"] == "false"


def test_an_unforeseen_kind_is_an_internal_error() -> None:
    assert to_wire(SaysoError("secret")).status == 500
    assert b"secret" not in to_wire(SaysoError("secret")).body


def test_a_path_is_repeated_short_and_printable() -> None:
    message = UnknownUrl("GET", "/v1/\n\x1b" + "a" * 500).message
    assert message.startswith("Invalid URL (GET /v1/??aaa")
    assert len(message) < 160


def test_an_instance_says_to_the_millisecond_when_to_come_back() -> None:
    headers = to_wire(errors.InstanceOverloaded(retry_after=0.2501)).headers
    assert headers == {"retry-after": "1", "retry-after-ms": "251", "x-should-retry": "true"}
