"""A record as it is given away: one JSON object, with whose it is and where it comes from."""

import base64
from typing import Any

from sayso.retention.content import Retained


def as_object(record: Retained) -> dict[str, Any]:
    """Return a record as JSON values, nothing lost; moments in Unix microseconds.

    A part that is text is UTF-8, any other base64.
    """
    return {
        "object": "retained.record",
        "id": record.record_id,
        "organization_id": record.organization_id,
        "project_id": record.project_id,
        "owner_id": record.owner_id,
        "end_user": record.end_user,
        "kind": record.kind,
        "model": record.model,
        "created_at": record.created_at,
        "expires_at": record.expires_at,
        "stored": record.stored,
        "held": record.held,
        "parts": {name: _part(content) for name, content in record.parts.items()},
    }


def _part(content: bytes) -> dict[str, str]:
    try:
        return {"encoding": "utf-8", "content": content.decode()}
    except UnicodeDecodeError:
        return {"encoding": "base64", "content": base64.b64encode(content).decode("ascii")}
