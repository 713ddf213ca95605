"""/v1/organization/model_aliases: where names lead, over time; not an endpoint of OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.moments import unix
from sayso.api.admin.operators import OperatorDep
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.api.services import Services
from sayso.billing.usage_buckets import MAX_TIME
from sayso.catalog.alias_history import AliasVersion
from sayso.catalog.name_store import load_names
from sayso.jobs.model_names import Installation, move_alias, roll_back_alias

MICROSECONDS = 1_000_000
MAX_NAME = 256  # characters

model_aliases_router = APIRouter(prefix="/v1/organization/model_aliases")

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME)]


class AliasBody(BaseModel):
    """An alias."""

    alias: Name


class AliasMoveBody(AliasBody):
    """Where an alias shall lead; `effective_from` is in Unix seconds, missing for now."""

    snapshot: Name
    effective_from: Annotated[int, Field(ge=0, le=MAX_TIME)] | None = None


@model_aliases_router.get("")
async def list_versions(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return every version of every alias, or of the one that `alias` names, the oldest first."""
    asked, alias = cut(request.query_params), request.query_params.get("alias")
    async with accounts.db.read() as session:
        names = await load_names(session)
    found = [one for versions in names.versions.values() for one in versions if alias in (None, one.alias)]
    return page_response(page_of(sorted(found, key=lambda one: one.number), asked, _id), _shape)


@model_aliases_router.post("")
async def move(
    request: Request, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Have an alias lead to a snapshot, now or from a moment on."""
    body = await read_body(request, services, AliasMoveBody)
    moment = None if body.effective_from is None else body.effective_from * MICROSECONDS
    made = await move_alias(accounts.db, admin, installation(services), body.alias, body.snapshot, at=moment)
    return await _made(services, made)


@model_aliases_router.post("/rollback")
async def roll_back(
    request: Request, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Have an alias lead where it did before."""
    body = await read_body(request, services, AliasBody)
    return await _made(
        services, await roll_back_alias(accounts.db, admin, installation(services), body.alias)
    )


def installation(services: Services, project_id: str | None = None) -> Installation:
    """Return what this server knows, and what it serves to everybody or to a project."""
    served = {one.snapshot for one in services.router.listing(project_id)} if project_id else set[str]()
    return Installation(services.router.catalogue, services.router.served | served)


async def follow(services: Services) -> None:
    """Have this server go by an act at once; the others follow."""
    if services.names is not None:
        await services.names.refresh()


async def _made(services: Services, version: AliasVersion) -> Response:
    await follow(services)
    return json_response(_shape(version))


def _id(version: AliasVersion) -> str:
    return f"model_alias_{version.number}"


def _shape(version: AliasVersion) -> dict[str, object]:
    return {
        "id": _id(version),
        "object": "organization.model_alias",
        "alias": version.alias,
        "snapshot": version.snapshot,
        "previous": version.previous,
        "effective_from": unix(version.effective_from),
        "created_at": unix(version.made_at),
        "created_by": version.actor,
        "cause": version.cause,
    }
