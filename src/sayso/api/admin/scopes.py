"""Whose money or limits a path speaks of: the organization's, a project's or a key's.

A router that asks for a `PathScope` is written once and put under the path of each kind.
"""

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request

from sayso.api.deps import AccountsDep, AdminDep
from sayso.billing.scopes import Scope, ScopeKind
from sayso.ids import KeyId, ProjectId
from sayso.tenancy.project_keys import get_project_key
from sayso.tenancy.project_lookup import find_project

ORGANIZATION = "/v1/organization"
PROJECT = f"{ORGANIZATION}/projects/{{project_id}}"
KEY = f"{PROJECT}/api_keys/{{key_id}}"

OBJECTS: Final[dict[ScopeKind, str]] = {
    "organization": "organization",
    "project": "project",
    "key": "project.api_key",
}


async def _scope(request: Request, admin: AdminDep, accounts: AccountsDep) -> Scope:
    """Find the scope. Raises `ObjectNotFound` for a stranger's as for one that does not exist."""
    project_id, key_id = (request.path_params.get(name) for name in ("project_id", "key_id"))
    if project_id is None:
        return Scope("organization", admin.org_id)
    if key_id is not None:
        key = await get_project_key(accounts.db, admin.org_id, ProjectId(project_id), KeyId(key_id))
        return Scope("key", key.id, project_id)
    async with accounts.db.read() as session:
        return Scope("project", (await find_project(session, admin.org_id, ProjectId(project_id))).id)


PathScope = Annotated[Scope, Depends(_scope)]


async def _project_path(project_id: str) -> None:
    """Declare what is in the path."""


async def _key_path(project_id: str, key_id: str) -> None:
    """Declare what is in the path."""


def for_each_scope(router: APIRouter, *, with_keys: bool = False) -> APIRouter:
    """Return `router` under the organization's path and a project's, and with keys under a key's."""
    everywhere = APIRouter()
    everywhere.include_router(router, prefix=ORGANIZATION)
    everywhere.include_router(router, prefix=PROJECT, dependencies=[Depends(_project_path)])
    if with_keys:
        everywhere.include_router(router, prefix=KEY, dependencies=[Depends(_key_path)])
    return everywhere
