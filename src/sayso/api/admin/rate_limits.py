"""…/rate_limits: how much the organization, a project or a key may use in a minute or a day."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.scopes import OBJECTS, PathScope, for_each_scope
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.api.services import Services
from sayso.billing.rate_limits import ALL_MODELS, LimitKey, ModelLimits, scope_limits
from sayso.billing.scopes import Scope
from sayso.errors import ObjectNotFound, UnsupportedParameter
from sayso.jobs.limits import change_limits

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

_router = APIRouter()


class RateLimitBody(BaseModel):
    """The limits to set; one that is missing or null stays as it is, 2147483647 removes it."""

    max_requests_per_1_minute: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_tokens_per_1_minute: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_requests_per_1_day: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_audio_seconds_per_1_minute: Annotated[int, Field(ge=0, le=UNLIMITED)] | None = None
    max_images_per_1_minute: int | None = None
    max_audio_megabytes_per_1_minute: int | None = None
    batch_1_day_max_input_tokens: int | None = None


@_router.get("/rate_limits")
async def list_rate_limits(
    request: Request, scope: PathScope, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Return the limits of all models together (`rl-*`) and, of a project, of each model that is served."""
    asked = cut(request.query_params, default=DEFAULT_PAGE)
    async with accounts.db.read() as session:
        found = await scope_limits(session, scope)
    listed = [
        (name, found.get(snapshot, ModelLimits(snapshot, {})))
        for name, snapshot in _models(scope, services).items()
    ]
    page = page_of(listed, asked, lambda one: _id(one[0]))
    return page_response(page, lambda one: _shape(scope, *one))


@_router.post("/rate_limits/{rate_limit_id:path}")
async def update_rate_limit(
    rate_limit_id: str,
    request: Request,
    scope: PathScope,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Set the limits of all models together, or of one, whatever it is called."""
    name = rate_limit_id.removeprefix(PREFIX)
    models = _models(scope, services)
    if not rate_limit_id.startswith(PREFIX) or name not in models:
        raise ObjectNotFound(f"No rate limit found with id '{rate_limit_id}'.", param="rate_limit_id")
    body = await read_body(request, services, RateLimitBody)
    for meter in UNKNOWN_METERS:
        if getattr(body, meter) is not None:
            raise UnsupportedParameter(meter, f"Unsupported parameter: '{meter}' is not counted here.")
    asked = {field: value for field in FIELDS if (value := getattr(body, field)) is not None}
    changes = {FIELDS[field]: None if value == UNLIMITED else value for field, value in asked.items()}
    limits = await change_limits(
        accounts.db, admin, scope, models[name], changes, asked=asked, limit_id=rate_limit_id
    )
    return json_response(_shape(scope, name, limits))


rate_limits_router = for_each_scope(_router, with_keys=True)


def _models(scope: Scope, services: Services) -> dict[str, str]:
    """Return the names that may be limited, each with its snapshot; of a project, models on their own too."""
    models = {EVERY_MODEL: ALL_MODELS}
    if scope.kind == "project":
        models |= {one.id: one.snapshot for one in services.router.listing(scope.id)}
    return models


def _id(name: str) -> str:
    return f"{PREFIX}{name}"


def _shape(scope: Scope, name: str, limits: ModelLimits) -> dict[str, object]:
    values = {field: limits.values.get(key) for field, key in FIELDS.items()}
    for field in ("max_requests_per_1_minute", "max_tokens_per_1_minute"):
        values[field] = UNLIMITED if values[field] is None else values[field]
    return {"id": _id(name), "object": f"{OBJECTS[scope.kind]}.rate_limit", "model": name, **values}
