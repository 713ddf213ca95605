"""POST /v1/organization/credits: grant an organization a credit; not an endpoint of OpenAI's."""

from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.amounts import usd
from sayso.api.admin.bodies import read_body
from sayso.api.admin.operators import OperatorDep
from sayso.api.deps import AccountsDep, LedgerDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.credits import available, grant_entries
from sayso.billing.money import parse_usd
from sayso.errors import InvalidRequest, ObjectNotFound
from sayso.ids import OrgId
from sayso.tenancy.tables import Organization

credits_router = APIRouter(prefix="/v1/organization/credits")


class CreditBody(BaseModel):
    """An amount in dollars, a decimal as text, for an organization; by default the caller's own."""

    amount: Annotated[str, Field(min_length=1, max_length=32)]
    reference: Annotated[str, Field(min_length=1, max_length=256)]
    organization_id: str | None = None


@credits_router.post("")
async def grant_credit(
    request: Request, admin: OperatorDep, accounts: AccountsDep, ledger: LedgerDep, services: ServicesDep
) -> Response:
    """Grant a credit, which invoices use up."""
    body = await read_body(request, services, CreditBody)
    amount = parse_usd(body.amount)
    if amount <= 0:
        raise InvalidRequest("A credit is more than nothing.", param="amount", code="invalid_value")
    org_id = OrgId(body.organization_id) if body.organization_id is not None else admin.org_id
    async with accounts.db.read() as session:
        if await session.get(Organization, org_id) is None:
            raise ObjectNotFound(f"No organization found with id '{org_id}'.", param="organization_id")
    number = await ledger.post("credit", org_id, body.reference, grant_entries(org_id, amount))
    async with accounts.db.read() as session:
        balance = await available(session, org_id)
    return json_response(
        {
            "id": f"txn_{number}",
            "object": "organization.credit",
            "organization_id": org_id,
            "reference": body.reference,
            "amount": usd(amount),
            "balance": usd(balance),
        }
    )
