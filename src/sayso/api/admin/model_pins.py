"""/v1/organization/projects/{project_id}/model_pins: snapshots that a project stays with; not OpenAI's."""

from fastapi import APIRouter, Request
from pydantic import BaseModel
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_of, page_response
from sayso.api.admin.model_aliases import Name, follow, installation
from sayso.api.admin.moments import unix
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.catalog.name_store import load_names
from sayso.catalog.names import Pin
from sayso.ids import ProjectId
from sayso.jobs.model_pins import pin_model, unpin_model
from sayso.tenancy.project_lookup import find_project

KIND = "project.model_pin"

model_pins_router = APIRouter(prefix="/v1/organization/projects/{project_id}/model_pins")


class PinBody(BaseModel):
    """A name, and the snapshot that it shall stand for; missing: the one that it stands for now."""

    model: Name
    snapshot: Name | None = None


@model_pins_router.get("")
async def list_pins(project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return what the project has pinned, by name."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        await find_project(session, admin.org_id, ProjectId(project_id))
        pins = (await load_names(session)).pins.values()
    found = sorted((pin for pin in pins if pin.project_id == project_id), key=lambda one: one.model)
    return page_response(page_of(found, asked, _id), _shape)


@model_pins_router.post("")
async def pin(
    project_id: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Have the project's requests for a name go to a snapshot, wherever the name moves."""
    body = await read_body(request, services, PinBody)
    models = installation(services, project_id)
    made = await pin_model(accounts.db, admin, models, ProjectId(project_id), body.model, body.snapshot)
    await follow(services)
    return json_response(_shape(made))


@model_pins_router.delete("/{model:path}")
async def unpin(
    project_id: str, model: str, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Let the project's requests for a name go where everybody's do."""
    await unpin_model(accounts.db, admin, ProjectId(project_id), model)
    await follow(services)
    return deleted(KIND, model)


def _id(one: Pin) -> str:
    return one.model


def _shape(one: Pin) -> dict[str, object]:
    return {
        "id": _id(one),
        "object": KIND,
        "model": one.model,
        "snapshot": one.snapshot,
        "digest": one.digest,
        "created_at": unix(one.made_at),
        "created_by": one.actor,
    }
