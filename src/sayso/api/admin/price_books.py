"""/v1/organization/price_books: the versions of the prices; not an endpoint of OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.operators import OperatorDep
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.ledger import wall_clock
from sayso.billing.money import format_usd
from sayso.billing.price_book import PriceBookDraft, load_books, publish
from sayso.billing.pricing import PriceBookVersion, PriceRow
from sayso.billing.usage_buckets import MAX_TIME
from sayso.core.metering import Meter

MICROSECONDS = 1_000_000
MAX_ROWS = 10_000
SOON_SECONDS = 1  # from the request to the moment from which on its prices hold, unless it names one

price_books_router = APIRouter(prefix="/v1/organization/price_books")


class PriceBody(BaseModel):
    """What `unit_size` units of a meter of a model cost."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    meter: Meter
    nano_usd: Annotated[int, Field(ge=0)]
    unit_size: Annotated[int, Field(ge=1)] = 1
    increment: Annotated[int, Field(ge=1)] = 1
    minimum: Annotated[int, Field(ge=0)] = 0


class PriceBookBody(BaseModel):
    """A version; `effective_from` is in Unix seconds."""

    version: Annotated[str, Field(min_length=1, max_length=64)]
    effective_from: Annotated[int, Field(ge=0, le=MAX_TIME)] | None = None
    prices: Annotated[list[PriceBody], Field(min_length=1, max_length=MAX_ROWS)]

    @property
    def draft(self) -> PriceBookDraft:
        """The same, not published yet."""
        rows = (PriceRow(**price.model_dump()) for price in self.prices)
        return PriceBookDraft(self.version, "USD", tuple(rows))


@price_books_router.get("")
async def list_price_books(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return every version, the oldest first."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        books = await (await session.connection()).run_sync(load_books)
    return page_response(page_of(books, asked, _id), _shape)


@price_books_router.post("")
async def publish_price_book(
    request: Request, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Publish a version for good; it prices what is admitted from its moment on."""
    body = await read_body(request, services, PriceBookBody)
    moment = wall_clock() + SOON_SECONDS * MICROSECONDS
    if body.effective_from is not None:
        moment = body.effective_from * MICROSECONDS
    return json_response(_shape(await publish(accounts.db, body.draft, effective_from=moment)))


def _id(book: PriceBookVersion) -> str:
    return f"price_book_{book.id}"


def _shape(book: PriceBookVersion) -> dict[str, object]:
    return {
        "id": _id(book),
        "object": "organization.price_book",
        "version": book.version,
        "currency": "USD",
        "effective_from": book.effective_from // MICROSECONDS,
        "prices": [_price(row) for row in book.rows],
    }


def _price(row: PriceRow) -> dict[str, object]:
    return {
        "model": row.model,
        "meter": row.meter,
        "nano_usd": row.nano_usd,
        "usd": format_usd(row.nano_usd),
        "unit_size": row.unit_size,
        "increment": row.increment,
        "minimum": row.minimum,
    }
