"""/v1/organization/invoices: what the organization owes; not an endpoint of OpenAI's."""

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, page_of, page_response
from sayso.api.admin.operators import OperatorDep
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.invoice_document import as_csv, as_document
from sayso.billing.invoice_html import as_html
from sayso.billing.invoice_store import all_issued, draft, issued
from sayso.billing.invoices import Invoice, Month
from sayso.jobs.directory import party
from sayso.jobs.invoicing import issue_invoice

Form: TypeAlias = Literal["json", "csv", "html"]

FORMS: tuple[Form, ...] = ("json", "csv", "html")
MAX_TEXT = 2_000  # characters

invoices_router = APIRouter(prefix="/v1/organization/invoices")


class IssueBody(BaseModel):
    """Whose invoice, by default the caller's own organization's; texts in place of the settings'."""

    organization_id: str | None = None
    seller: Annotated[str, Field(max_length=MAX_TEXT)] | None = None
    note: Annotated[str, Field(max_length=MAX_TEXT)] | None = None


@invoices_router.get("")
async def list_invoices(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the issued invoices, without their lines, in the order of their numbers."""
    asked = cut(request.query_params)
    found = tuple(reversed(await all_issued(accounts.db, admin.org_id)))
    return page_response(page_of(found, asked, _id), _summary)


@invoices_router.get("/{month}")
async def retrieve_invoice(
    month: str, request: Request, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Return the issued invoice of a month (`YYYY-MM`), else a draft of it as it would be now."""
    form = query.word(request.query_params, "format", FORMS, "json")
    wanted = Month.parse(month)
    found = await issued(accounts.db, admin.org_id, wanted)
    if found is None:
        buyer = await party(accounts.db, admin.org_id)
        texts = services.invoice_texts
        found = await draft(accounts.db, buyer, wanted, seller=texts.seller, note=texts.note)
    return _written(found, form)


@invoices_router.post("/{month}")
async def issue(
    month: str, request: Request, admin: OperatorDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Issue the invoice of a month that is over, for good; one that is issued is returned as it is."""
    body = await read_body(request, services, IssueBody)
    wanted = Month.parse(month)
    buyer = await party(accounts.db, body.organization_id or admin.org_id)
    texts = services.invoice_texts
    made = await issue_invoice(
        accounts.db,
        admin,
        buyer,
        wanted,
        seller=texts.seller if body.seller is None else body.seller,
        note=texts.note if body.note is None else body.note,
    )
    return json_response(as_document(made))


def _written(invoice: Invoice, form: Form) -> Response:
    match form:
        case "json":
            return json_response(as_document(invoice))
        case "csv":
            return Response(as_csv(invoice), media_type="text/csv")
        case "html":
            return Response(as_html(invoice), media_type="text/html")


def _id(invoice: Invoice) -> str:
    return invoice.number or str(invoice.month)


def _summary(invoice: Invoice) -> dict[str, object]:
    document = as_document(invoice)
    shown = ("object", "number", "state", "issued_at", "month", "period", "currency", "subtotal", "credit")
    return {"id": _id(invoice), **{name: document[name] for name in shown}, "total": document["total"]}
