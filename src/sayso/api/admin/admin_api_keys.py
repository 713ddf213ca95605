"""/v1/organization/admin_api_keys: keys for the admin API itself."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin.bodies import ExpirySeconds, read_body
from sayso.api.admin.listing import cut, deleted, optional_seconds, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.ids import KeyId
from sayso.tenancy.admin_keys import (
    AdminKeyRecord,
    create_admin_key,
    get_admin_key,
    list_admin_keys,
    revoke_admin_key,
)

KIND = "organization.admin_api_key"

admin_api_keys_router = APIRouter(prefix="/v1/organization/admin_api_keys")


class AdminKeyBody(BaseModel):
    """A new key; without `expires_in_seconds` it does not expire."""

    name: str
    expires_in_seconds: ExpirySeconds | None = None


@admin_api_keys_router.get("")
async def list_keys(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the organization's admin keys."""
    return page_response(await list_admin_keys(accounts.db, admin.org_id, cut(request.query_params)), _shape)


@admin_api_keys_router.post("")
async def create_key(
    request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Make an admin key, and show it this once."""
    body = await read_body(request, services, AdminKeyBody)
    made = await create_admin_key(accounts, admin, body.name, body.expires_in_seconds)
    return json_response(_shape(made.key) | {"value": made.secret})


@admin_api_keys_router.get("/{key_id}")
async def retrieve_key(key_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return one admin key, without its secret."""
    return json_response(_shape(await get_admin_key(accounts.db, admin.org_id, KeyId(key_id))))


@admin_api_keys_router.delete("/{key_id}")
async def delete_key(key_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Revoke an admin key, be it the one that asks."""
    await revoke_admin_key(accounts.db, admin, KeyId(key_id))
    return deleted(KIND, key_id)


def _shape(key: AdminKeyRecord) -> dict[str, object]:
    return {
        "object": KIND,
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": seconds(key.created_at),
        "expires_at": optional_seconds(key.expires_at),
        "last_used_at": optional_seconds(key.last_used_at),
        "owner": {
            "type": "user",
            "object": "organization.user",
            "id": key.owner_id,
            "name": key.owner_name,
            "created_at": seconds(key.owner_created_at),
            "role": key.owner_role,
        },
    }
