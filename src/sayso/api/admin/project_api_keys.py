"""/v1/organization/projects/{project_id}/api_keys: seen, limited and revoked here, made elsewhere."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.bodies import ExpirySeconds, read_body
from sayso.api.admin.listing import cut, deleted, optional_seconds, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.ids import KeyId, ProjectId
from sayso.tenancy.api_keys import revoke_key
from sayso.tenancy.project_keys import (
    KeyOwnerRecord,
    ProjectKeyRecord,
    get_project_key,
    list_project_keys,
    update_project_key,
)
from sayso.tenancy.roles import Access

KIND = "organization.project.api_key"
FILTERS: dict[str, Access | None] = {"active": "active", "inactive": "inactive", "any": None}

project_api_keys_router = APIRouter(prefix="/v1/organization/projects/{project_id}/api_keys")


class ProjectKeyBody(BaseModel):
    """What is to change; an empty list of scopes lifts all restrictions."""

    scopes: list[str] | None = None
    expires_in_seconds: ExpirySeconds | None = None


@project_api_keys_router.get("")
async def list_keys(project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the project's keys; with `include_revoked` those that were revoked too."""
    access = FILTERS[query.word(request.query_params, "owner_project_access", tuple(FILTERS), "any")]
    revoked = query.boolean(request.query_params, "include_revoked") or False
    project, part = ProjectId(project_id), cut(request.query_params)
    page = await list_project_keys(accounts.db, admin.org_id, project, part, access, revoked=revoked)
    return page_response(page, _shape)


@project_api_keys_router.get("/{key_id}")
async def retrieve_key(project_id: str, key_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return one key, without its secret."""
    found = await get_project_key(accounts.db, admin.org_id, ProjectId(project_id), KeyId(key_id))
    return json_response(_shape(found))


@project_api_keys_router.post("/{key_id}")
async def update_key(
    project_id: str,
    key_id: str,
    request: Request,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Change what a key may do, and how long."""
    body = await read_body(request, services, ProjectKeyBody)
    changed = await update_project_key(
        accounts.db,
        admin,
        ProjectId(project_id),
        KeyId(key_id),
        scopes=body.scopes,
        expires_in=body.expires_in_seconds,
    )
    return json_response(_shape(changed))


@project_api_keys_router.delete("/{key_id}")
async def delete_key(project_id: str, key_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Revoke a key; one that is revoked is not found."""
    await get_project_key(accounts.db, admin.org_id, ProjectId(project_id), KeyId(key_id))
    await revoke_key(accounts.db, admin, ProjectId(project_id), KeyId(key_id))
    return deleted(KIND, key_id)


def _shape(key: ProjectKeyRecord) -> dict[str, object]:
    shown: dict[str, object] = {
        "object": KIND,
        "id": key.id,
        "name": key.name,
        "redacted_value": key.redacted_value,
        "created_at": seconds(key.created_at),
        "last_used_at": optional_seconds(key.last_used_at),
        "expires_at": optional_seconds(key.expires_at),
        "owner_project_access": key.access,
        "owner": _owner(key.owner),
    }
    if key.revoked_at is not None:
        shown["revoked_at"] = seconds(key.revoked_at)
    return shown


def _owner(owner: KeyOwnerRecord) -> dict[str, object]:
    shown: dict[str, object] = {
        "id": owner.id,
        "name": owner.name,
        "role": owner.role,
        "created_at": seconds(owner.created_at),
    }
    if owner.kind == "user":
        shown["email"] = owner.email
    return {"type": owner.kind, owner.kind: shown}
