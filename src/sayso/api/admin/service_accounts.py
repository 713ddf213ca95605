"""/v1/organization/projects/{project_id}/service_accounts: programs, and the keys that they are given."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import ExpirySeconds, read_body
from sayso.api.admin.listing import cut, deleted, optional_seconds, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.ids import ProjectId, ServiceAccountId
from sayso.tenancy.api_keys import NewKey
from sayso.tenancy.roles import ProjectRole
from sayso.tenancy.service_accounts import (
    ServiceAccountRecord,
    create_account_key,
    create_service_account,
    delete_service_account,
    get_service_account,
    list_service_accounts,
    update_service_account,
)

KIND = "organization.project.service_account"
MAX_SCOPES = 64

service_accounts_router = APIRouter(prefix="/v1/organization/projects/{project_id}/service_accounts")


class NewAccountBody(BaseModel):
    """A new service account, with a key unless it says otherwise."""

    name: str
    create_service_account_only: bool | None = None
    expires_in_seconds: ExpirySeconds | None = None


class AccountBody(BaseModel):
    """What is to change."""

    name: str | None = None
    role: ProjectRole | None = None


class AccountKeyBody(BaseModel):
    """Another key."""

    name: str | None = None
    scopes: Annotated[list[str], Field(max_length=MAX_SCOPES)] | None = None
    expires_in_seconds: ExpirySeconds | None = None


@service_accounts_router.get("")
async def list_accounts(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep
) -> Response:
    """Return the project's service accounts."""
    page = await list_service_accounts(
        accounts.db, admin.org_id, ProjectId(project_id), cut(request.query_params)
    )
    return page_response(page, _shape)


@service_accounts_router.post("")
async def create_account(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Make a service account, and show its key this once."""
    body = await read_body(request, services, NewAccountBody)
    account, key = await create_service_account(
        accounts,
        admin,
        ProjectId(project_id),
        body.name,
        with_key=not body.create_service_account_only,
        expires_in=body.expires_in_seconds,
    )
    return json_response(_shape(account) | {"api_key": None if key is None else _key(key)})


@service_accounts_router.get("/{account_id}")
async def retrieve_account(
    project_id: str, account_id: str, admin: AdminDep, accounts: AccountsDep
) -> Response:
    """Return one service account."""
    found = await get_service_account(
        accounts.db, admin.org_id, ProjectId(project_id), ServiceAccountId(account_id)
    )
    return json_response(_shape(found))


@service_accounts_router.post("/{account_id}")
async def update_account(
    project_id: str,
    account_id: str,
    request: Request,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Change a service account's name or role."""
    body = await read_body(request, services, AccountBody)
    changed = await update_service_account(
        accounts.db,
        admin,
        ProjectId(project_id),
        ServiceAccountId(account_id),
        name=body.name,
        role=body.role,
    )
    return json_response(_shape(changed))


@service_accounts_router.delete("/{account_id}")
async def delete_account(
    project_id: str, account_id: str, admin: AdminDep, accounts: AccountsDep
) -> Response:
    """Delete a service account and revoke its keys."""
    await delete_service_account(accounts.db, admin, ProjectId(project_id), ServiceAccountId(account_id))
    return deleted(KIND, account_id)


@service_accounts_router.post("/{account_id}/api_keys")
async def create_key(
    project_id: str,
    account_id: str,
    request: Request,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Make another key for a service account, and show it this once."""
    body = await read_body(request, services, AccountKeyBody)
    key = await create_account_key(
        accounts,
        admin,
        ProjectId(project_id),
        ServiceAccountId(account_id),
        name=body.name,
        scopes=body.scopes or (),
        expires_in=body.expires_in_seconds,
    )
    return json_response(_key(key))


def _shape(account: ServiceAccountRecord) -> dict[str, object]:
    return {
        "object": KIND,
        "id": account.id,
        "name": account.name,
        "role": account.role,
        "created_at": seconds(account.created_at),
    }


def _key(key: NewKey) -> dict[str, object]:
    return {
        "object": f"{KIND}.api_key",
        "id": key.id,
        "name": key.name,
        "value": key.secret,
        "created_at": seconds(key.created_at),
        "expires_at": optional_seconds(key.expires_at),
    }
