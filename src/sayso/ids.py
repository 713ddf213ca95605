"""Typed, prefixed identifiers: a value of one kind can not be passed for another."""

import secrets
from typing import NewType

OrgId = NewType("OrgId", str)
ProjectId = NewType("ProjectId", str)
KeyId = NewType("KeyId", str)
RequestId = NewType("RequestId", str)
CompletionId = NewType("CompletionId", str)


def new_id(prefix: str) -> str:
    """Return `prefix` + `_` + 24 hex digits (96 random bits)."""
    return f"{prefix}_{secrets.token_hex(12)}"


def new_org_id() -> OrgId:
    """Return a fresh organization id, `org_…`."""
    return OrgId(new_id("org"))


def new_project_id() -> ProjectId:
    """Return a fresh project id, `proj_…`."""
    return ProjectId(new_id("proj"))


def new_key_id() -> KeyId:
    """Return a fresh API key id, `key_…`."""
    return KeyId(new_id("key"))


def new_request_id() -> RequestId:
    """Return `req_` + 32 hex digits, the form that OpenAI's `x-request-id` has."""
    return RequestId(f"req_{secrets.token_hex(16)}")


def new_chat_completion_id() -> CompletionId:
    """Return `chatcmpl-` + 29 characters, the form of a chat completion's id."""
    return CompletionId(f"chatcmpl-{secrets.token_hex(15)[:29]}")


def new_completion_id() -> CompletionId:
    """Return `cmpl-` + 29 characters, the form of a legacy completion's id."""
    return CompletionId(f"cmpl-{secrets.token_hex(15)[:29]}")


def new_tool_call_id() -> str:
    """Return `call_` + 24 hex digits."""
    return new_id("call")
