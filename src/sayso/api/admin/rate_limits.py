"""…/projects/{project_id}/rate_limits: how much of each model a project may use in a minute or a day."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.scopes import ProjectScope
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.api.services import Services
from sayso.billing.rate_limits import ALL_MODELS, LimitKey, ModelLimits, project_limits, set_project_limits
from sayso.core.chat import JsonObject
from sayso.errors import ObjectNotFound, UnsupportedParameter
from sayso.ids import ProjectId
from sayso.tenancy.audit import record

UNLIMITED = 2_147_483_647  # what the API, which wants a number, says where there is no limit
PREFIX = "rl-"
EVERY_MODEL = "*"  # the name of all models together
DEFAULT_PAGE = 100

FIELDS: dict[str, LimitKey] = {
    "max_requests_per_1_minute": LimitKey("requests", "minute"),
    "max_tokens_per_1_minute": LimitKey("tokens", "minute"),
    "max_requests_per_1_day": LimitKey("requests", "day"),
    "max_audio_seconds_per_1_minute": LimitKey("audio_seconds", "minute"),
}
UNKNOWN_METERS = (
    "max_images_per_1_minute",
    "max_audio_megabytes_per_1_minute",
    "batch_1_day_max_input_tokens",
)

rate_limits_router = APIRouter(prefix="/v1/organization/projects/{project_id}/rate_limits")


class RateLimitBody(BaseModel):
    """The limits to set; one that is missing or null stays as it is, 2147483647 removes it."""

    max_requests_per_1_minute: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_tokens_per_1_minute: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_requests_per_1_day: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_audio_seconds_per_1_minute: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_images_per_1_minute: int | None = None
    max_audio_megabytes_per_1_minute: int | None = None
    batch_1_day_max_input_tokens: int | None = None


@rate_limits_router.get("")
async def list_rate_limits(
    request: Request, scope: ProjectScope, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Return the limits of all models together (`rl-*`) and of each model that is served."""
    asked = cut(request.query_params, default=DEFAULT_PAGE)
    async with accounts.db.read() as session:
        found = await project_limits(session, ProjectId(scope.id))
    models = (ALL_MODELS, *_served(services))
    limits = [found.get(model, ModelLimits(model, {})) for model in models]
    return page_response(page_of(limits, asked, _id), _shape)


@rate_limits_router.post("/{rate_limit_id:path}")
async def update_rate_limit(
    rate_limit_id: str,
    request: Request,
    scope: ProjectScope,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Set the limits of one model, or of all together."""
    model = _model(rate_limit_id, services)
    body = await read_body(request, services, RateLimitBody)
    for name in UNKNOWN_METERS:
        if getattr(body, name) is not None:
            raise UnsupportedParameter(name, f"Unsupported parameter: '{name}' is not counted here.")
    asked = {name: value for name in FIELDS if (value := getattr(body, name)) is not None}
    changes = {FIELDS[name]: None if value == UNLIMITED else value for name, value in asked.items()}
    details: JsonObject = {"changes_requested": dict(asked)}
    async with accounts.db.transaction() as session:
        limits = await set_project_limits(session, ProjectId(scope.id), model, changes)
        await record(session, admin, "rate_limit.updated", rate_limit_id, details, ProjectId(scope.id))
    return json_response(_shape(limits))


def _served(services: Services) -> list[str]:
    return sorted({listing.id for listing in services.router.models()})


def _model(rate_limit_id: str, services: Services) -> str:
    """Return the model that an id speaks of. Raises `ObjectNotFound`."""
    name = rate_limit_id.removeprefix(PREFIX)
    if rate_limit_id.startswith(PREFIX):
        if name == EVERY_MODEL:
            return ALL_MODELS
        if name in _served(services):
            return name
    raise ObjectNotFound(f"No rate limit found with id '{rate_limit_id}'.", param="rate_limit_id")


def _id(limits: ModelLimits) -> str:
    return f"{PREFIX}{limits.model or EVERY_MODEL}"


def _shape(limits: ModelLimits) -> dict[str, object]:
    values = {name: limits.values.get(key) for name, key in FIELDS.items()}
    for name in ("max_requests_per_1_minute", "max_tokens_per_1_minute"):
        values[name] = UNLIMITED if values[name] is None else values[name]
    return {
        "id": _id(limits),
        "object": "project.rate_limit",
        "model": limits.model or EVERY_MODEL,
        **values,
    }
