"""/v1/organization/model_deprecations: names that come to an end; not an endpoint of OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_of, page_response
from sayso.api.admin.model_aliases import MAX_NAME, MICROSECONDS, Name, follow, installation
from sayso.api.admin.moments import optional_unix, unix
from sayso.api.admin.operators import OperatorDep
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.usage_buckets import MAX_TIME
from sayso.catalog.names import Deprecation
from sayso.jobs.model_ends import announce_end, withdraw_end

KIND = "organization.model_deprecation"

model_deprecations_router = APIRouter(prefix="/v1/organization/model_deprecations")

Moment = Annotated[int, Field(ge=0, le=MAX_TIME)]


class DeprecationBody(BaseModel):
    """A name with the moments of its end in Unix seconds: not advised any more, and not served any more."""

    model: Name
    deprecated_from: Moment | None = None
    shutdown_at: Moment | None = None
    replacement: Annotated[str, Field(max_length=MAX_NAME)] = ""


@model_deprecations_router.get("")
async def list_deprecations(request: Request, admin: AdminDep, services: ServicesDep) -> Response:
    """Return the names that come to an end, or have, by the settings or by an act."""
    ends = services.router.catalogue.names.deprecations
    found = [ends[name] for name in sorted(ends)]
    return page_response(page_of(found, cut(request.query_params), _id), _shape)


@model_deprecations_router.post("")
async def announce(
    request: Request, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Announce a name's end."""
    body = await read_body(request, services, DeprecationBody)
    made = await announce_end(
        accounts.db,
        admin,
        installation(services),
        body.model,
        deprecated_from=_microseconds(body.deprecated_from),
        shutdown_at=_microseconds(body.shutdown_at),
        replacement=body.replacement,
    )
    await follow(services)
    return json_response(_shape(made))


@model_deprecations_router.delete("/{model:path}")
async def withdraw(model: str, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep) -> Response:
    """Take an announcement back."""
    await withdraw_end(accounts.db, admin, model)
    await follow(services)
    return deleted(KIND, model)


def _microseconds(seconds: int | None) -> int | None:
    return None if seconds is None else seconds * MICROSECONDS


def _id(end: Deprecation) -> str:
    return end.model


def _shape(end: Deprecation) -> dict[str, object]:
    return {
        "id": _id(end),
        "object": KIND,
        "model": end.model,
        "deprecated_from": unix(end.deprecated_from),
        "shutdown_at": optional_unix(end.shutdown_at),
        "replacement": end.replacement or None,
    }
