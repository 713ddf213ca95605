"""GET /v1/organization/costs: what the organization's usage cost, by UTC day."""

import time

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin.amounts import usd
from sayso.api.admin.usage import bucket_response
from sayso.api.admin.usage_request import costs_request
from sayso.api.deps import AccountsDep, AdminDep
from sayso.billing.cost_report import COST_DIMENSIONS, CostGroup, costs_by_day

costs_router = APIRouter()


@costs_router.get("/v1/organization/costs")
async def list_costs(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the charges of each day, to the nano-dollar."""
    asked = costs_request(request.query_params, (*COST_DIMENSIONS, "api_source"), time.time())
    found = await costs_by_day(
        accounts.db,
        admin.org_id,
        asked.page,
        group_by=[name for name in COST_DIMENSIONS if name in asked.group_by],
        only=asked.only,
        line_items=asked.line_items,
    )
    source = "unlabeled" if "api_source" in asked.group_by else None
    return bucket_response(asked.page, [[_result(group, source) for group in groups] for groups in found])


def _result(group: CostGroup, source: str | None) -> dict[str, object]:
    return {
        "object": "organization.costs.result",
        "amount": usd(group.amount),
        "line_item": group.line_item,
        "quantity": group.quantity,
        "quantity_unit": group.quantity_unit,
        "project_id": group.project_id,
        "user_id": group.user_id,
        "api_key_id": group.api_key_id,
        "api_source": source,
    }
