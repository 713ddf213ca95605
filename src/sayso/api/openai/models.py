"""GET /v1/models and its members; ids may hold `/` and `:`."""

from datetime import UTC, datetime

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.context import noted
from sayso.api.deps import CallerDep, ServicesDep
from sayso.api.errors import UnknownUrl
from sayso.api.openai.answering import json_response
from sayso.api.services import Services
from sayso.catalog.catalogue import ModelListing
from sayso.core.caller import Caller
from sayso.errors import PermissionRefused

MICROSECONDS = 1_000_000

models_router = APIRouter()


@models_router.get("/v1/models")
async def list_models(caller: CallerDep, services: ServicesDep) -> Response:
    """Return every name that the caller's requests may use."""
    permitted = services.router.models(caller)
    return json_response({"object": "list", "data": [_model(item) for item in permitted]})


@models_router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Return one model."""
    listing = noted(request.scope, _listing(model, request, caller, services))
    return json_response(_model(listing))


@models_router.delete("/v1/models/{model:path}")
async def delete_model(model: str, request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Refuse: the catalogue is the operator's, and there are no fine-tuned models."""
    _listing(model, request, caller, services)
    raise PermissionRefused(
        "You have insufficient permissions to delete this model.",
        param="model",
        code="insufficient_permissions",
    )


def _listing(model: str, request: Request, caller: Caller, services: Services) -> ModelListing:
    if not model:
        raise UnknownUrl(request.method, request.url.path)
    return services.router.model(model, caller)


def _model(listing: ModelListing) -> dict[str, object]:
    model: dict[str, object] = {
        "id": listing.id,
        "object": "model",
        "created": listing.created,
        "owned_by": listing.owned_by,
    }
    if (end := listing.deprecation) is not None:
        model["shutdown_date"] = None if end.shutdown_at is None else _day(end.shutdown_at)
        model["deprecation"] = {
            "deprecated_from": end.deprecated_from // MICROSECONDS,
            "shutdown_at": None if end.shutdown_at is None else end.shutdown_at // MICROSECONDS,
            "replacement": end.replacement or None,
        }
    return model


def _day(moment: int) -> str:
    return datetime.fromtimestamp(moment // MICROSECONDS, UTC).date().isoformat()
