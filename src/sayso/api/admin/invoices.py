"""GET /v1/organization/invoices/{month}: what the organization owes; not an endpoint of OpenAI's."""

from fastapi import APIRouter
from starlette.responses import Response

from sayso.api.deps import AccountsDep, AdminDep
from sayso.api.openai.answering import json_response
from sayso.billing.invoice_document import as_document
from sayso.billing.invoice_store import draft, issued
from sayso.billing.invoices import Month
from sayso.jobs.directory import party

invoices_router = APIRouter(prefix="/v1/organization/invoices")


@invoices_router.get("/{month}")
async def retrieve_invoice(month: str, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the issued invoice of a month (`YYYY-MM`), else a draft of it as it would be now."""
    wanted = Month.parse(month)
    found = await issued(accounts.db, admin.org_id, wanted)
    if found is None:
        found = await draft(accounts.db, await party(accounts.db, admin.org_id), wanted)
    return json_response(as_document(found))
