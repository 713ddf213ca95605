"""/v1/organization/projects/{project_id}/model_permissions: which models a project may use."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.core.caller import ModelPermission, PermissionMode
from sayso.ids import ProjectId
from sayso.tenancy.model_permissions import (
    delete_model_permission,
    get_model_permission,
    set_model_permission,
)

KIND = "project.model_permissions"
MAX_MODELS = 1_000
MAX_MODEL_ID = 256  # characters

model_permissions_router = APIRouter(prefix="/v1/organization/projects/{project_id}/model_permissions")


class ModelPermissionBody(BaseModel):
    """The models that a project may use, or may not."""

    mode: PermissionMode
    model_ids: Annotated[
        list[Annotated[str, Field(min_length=1, max_length=MAX_MODEL_ID)]], Field(max_length=MAX_MODELS)
    ]


@model_permissions_router.get("")
async def retrieve(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the permission; a project without one is not found and may use every model."""
    return _shape(await get_model_permission(accounts.db, admin.org_id, ProjectId(project_id)))


@model_permissions_router.post("")
async def update(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Replace the permission. A model is permitted, or not, under all of its names."""
    body = await read_body(request, services, ModelPermissionBody)
    permission = ModelPermission(body.mode, frozenset(body.model_ids))
    await set_model_permission(accounts.db, admin, ProjectId(project_id), permission)
    return _shape(permission)


@model_permissions_router.delete("")
async def delete(project_id: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Let the project use every model again."""
    await delete_model_permission(accounts.db, admin, ProjectId(project_id))
    return json_response({"object": f"{KIND}.deleted", "deleted": True})


def _shape(permission: ModelPermission) -> Response:
    return json_response({"object": KIND, "mode": permission.mode, "model_ids": sorted(permission.model_ids)})
