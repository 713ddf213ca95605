"""GET /v1/models and its members; ids may hold `/` and `:`."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.deps import CallerDep, ServicesDep
from sayso.api.errors import UnknownUrl
from sayso.api.openai.answering import json_response
from sayso.catalog.catalogue import ModelListing
from sayso.errors import PermissionRefused

models_router = APIRouter()


@models_router.get("/v1/models")
async def list_models(caller: CallerDep, services: ServicesDep) -> Response:
    """Return every name that a request may use."""
    return json_response({"object": "list", "data": [_model(item) for item in services.router.models()]})


@models_router.get("/v1/models/{model:path}")
async def retrieve_model(model: str, request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Return one model."""
    return json_response(_model(_listing(model, request, services)))


@models_router.delete("/v1/models/{model:path}")
async def delete_model(model: str, request: Request, caller: CallerDep, services: ServicesDep) -> Response:
    """Refuse: the catalogue is the operator's, and there are no fine-tuned models."""
    _listing(model, request, services)
    raise PermissionRefused(
        "You have insufficient permissions to delete this model.",
        param="model",
        code="insufficient_permissions",
    )


def _listing(model: str, request: Request, services: ServicesDep) -> ModelListing:
    if not model:
        raise UnknownUrl(request.method, request.url.path)
    return services.router.model(model)


def _model(listing: ModelListing) -> dict[str, object]:
    return {
        "id": listing.id,
        "object": "model",
        "created": listing.created,
        "owned_by": listing.owned_by,
    }
