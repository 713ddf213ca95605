"""/v1/organization/deletion_receipts: proof of what is gone; not an endpoint of OpenAI's."""

import re

from fastapi import APIRouter, Request
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.listing import DEFAULT_LIMIT, MAX_LIMIT
from sayso.api.deps import AccountsDep, AdminDep, RetentionDep
from sayso.api.openai.answering import json_response
from sayso.jobs.data_receipts import find_receipt
from sayso.retention.receipts import Receipt, list_receipts, verify_receipt

LARGEST = 2**53  # of a number of a receipt
_ID = re.compile(r"receipt_([1-9][0-9]{0,14})")

deletion_receipts_router = APIRouter(prefix="/v1/organization/deletion_receipts")


@deletion_receipts_router.get("")
async def list_all(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return receipts behind the number `after`, the oldest first."""
    after = query.integer(request.query_params, "after", minimum=0, maximum=LARGEST) or 0
    limit = query.integer(request.query_params, "limit", minimum=1, maximum=MAX_LIMIT) or DEFAULT_LIMIT
    async with accounts.db.read() as session:
        found = await list_receipts(session, admin.org_id, after=after, limit=limit + 1)
    shown = [_shape(one) for one in found[:limit]]
    return json_response({"object": "list", "data": shown, "has_more": len(found) > limit})


@deletion_receipts_router.get("/{receipt_id}")
async def retrieve(
    receipt_id: str, admin: AdminDep, accounts: AccountsDep, retention: RetentionDep
) -> Response:
    """Return a receipt, and what came of checking it now."""
    number = _ID.fullmatch(receipt_id)
    found = await find_receipt(accounts.db, admin.org_id, int(number[1]) if number else 0)
    checked = await verify_receipt(accounts.db, retention.keys, found)
    return json_response({**_shape(found), "check": {"ok": checked.ok, "fault": checked.fault}})


def _shape(receipt: Receipt) -> dict[str, object]:
    return {"id": f"receipt_{receipt.number}", **receipt.as_document()}
