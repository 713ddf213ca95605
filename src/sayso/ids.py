"""Typed, prefixed identifiers: a value of one kind can not be passed for another."""

import secrets
import time
from typing import NewType

OrgId = NewType("OrgId", str)
ProjectId = NewType("ProjectId", str)
KeyId = NewType("KeyId", str)
UserId = NewType("UserId", str)
ServiceAccountId = NewType("ServiceAccountId", str)
InviteId = NewType("InviteId", str)
AuditLogId = NewType("AuditLogId", str)
RequestId = NewType("RequestId", str)
CompletionId = NewType("CompletionId", str)
InstanceId = NewType("InstanceId", str)


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


def new_user_id() -> UserId:
    """Return a fresh user id, `user_…`."""
    return UserId(new_id("user"))


def new_service_account_id() -> ServiceAccountId:
    """Return a fresh service account id, `svc_acct_…`."""
    return ServiceAccountId(new_id("svc_acct"))


def new_invite_id() -> InviteId:
    """Return a fresh invite id, `invite_…`."""
    return InviteId(new_id("invite"))


def new_audit_log_id() -> AuditLogId:
    """Return a fresh audit log id, `audit_log_…`."""
    return AuditLogId(new_id("audit_log"))


def new_request_id() -> RequestId:
    """Return `req_` + 32 hex digits, the form that OpenAI's `x-request-id` has.

    The first 12 are the time in milliseconds, the rest is random: an index of such ids grows at its end.
    """
    return RequestId(f"req_{time.time_ns() // 1_000_000:012x}{secrets.token_hex(10)}")


def new_chat_completion_id() -> CompletionId:
    """Return `chatcmpl-` + 29 characters, the form of a chat completion's id."""
    return CompletionId(f"chatcmpl-{secrets.token_hex(15)[:29]}")


def new_completion_id() -> CompletionId:
    """Return `cmpl-` + 29 characters, the form of a legacy completion's id."""
    return CompletionId(f"cmpl-{secrets.token_hex(15)[:29]}")


def new_instance_id() -> InstanceId:
    """Return a fresh dedicated instance's id, `inst_…`."""
    return InstanceId(new_id("inst"))


def new_tool_call_id() -> str:
    """Return `call_` + 24 hex digits."""
    return new_id("call")
