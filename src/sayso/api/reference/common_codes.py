"""Which errors a route may answer with: those of its own, and those that follow from key, path and body."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sayso.api.reference.note import Note


@dataclass(frozen=True, slots=True)
class Code:
    """An error: `name` is its code, or its class where it has none."""

    name: str
    status: int


_STATUS: Final[dict[str, int]] = {
    "invalid_api_key": 401,
    "mismatched_organization": 401,
    "mismatched_project": 401,
    "insufficient_permissions": 403,
    "model_not_found": 404,
    "ObjectNotFound": 404,
    "method_not_supported": 405,
    "BodyTimeout": 408,
    "idempotency_in_progress": 409,
    "idempotency_key_reused": 409,
    "idempotency_replay_unavailable": 409,
    "snapshot_in_use": 409,
    "capacity_unavailable": 409,
    "instance_state_conflict": 409,
    "BodyTooLarge": 413,
    "rate_limit_exceeded": 429,
    "insufficient_quota": 429,
    "instance_overloaded": 429,
    "EngineFailed": 500,
    "EngineUnavailable": 503,
    "Draining": 503,
    "server_is_overloaded": 503,
    "StorageUnavailable": 503,
}
_WITHOUT_ROW = frozenset({"model", "kind", "month", "interval", "rate_limit_id"})


def codes_of(path: str, note: Note, key: str) -> Iterator[Code]:
    """Yield a route's errors by status, each once."""
    names = dict.fromkeys((*note.codes, *_following(path, note, key)))
    found = [Code(name, _STATUS.get(name, 400)) for name in names]
    yield from sorted(found, key=lambda code: (code.status, code.name))


def _following(path: str, note: Note, key: str) -> Iterator[str]:
    if key == "none":
        return
    yield from (
        "invalid_api_key",
        "mismatched_organization",
        "insufficient_permissions",
        "StorageUnavailable",
    )
    if key == "project":
        yield "mismatched_project"
    if _names_an_object(path):
        yield "ObjectNotFound"
    if note.query:
        yield from ("invalid_type", "invalid_value")
    if note.body is not None or note.form is not None:
        yield from ("missing_required_parameter", "unknown_parameter", "invalid_type", "invalid_value")
        yield from ("BodyTimeout", "BodyTooLarge")


def _names_an_object(path: str) -> bool:
    names = (part[1:-1] for part in path.split("/") if part.startswith("{"))
    return any(name not in _WITHOUT_ROW for name in names)
