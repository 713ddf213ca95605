"""Reading the JSON body of an admin request."""

from typing import Annotated, TypeAlias, TypeVar

from fastapi import Request
from pydantic import BaseModel, Field

from sayso.api.body import read_json
from sayso.api.services import Services
from sayso.api.validation import parse

M = TypeVar("M", bound=BaseModel)

MAX_EXPIRY = 31_536_000  # seconds; a year

ExpirySeconds: TypeAlias = Annotated[int, Field(ge=1, le=MAX_EXPIRY)]


async def read_body(request: Request, services: Services, schema: type[M]) -> M:
    """Return the body as `schema`. Raises `InvalidRequest` for the first thing wrong."""
    return parse(schema, await read_json(request, services.limits), services.vendor_extras)
