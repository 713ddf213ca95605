"""GET /v1/organization/audit_logs: what administrators did."""

from fastapi import APIRouter, Request
from starlette.datastructures import QueryParams
from starlette.responses import Response

from sayso.api.admin import query
from sayso.api.admin.listing import cut, page_response, seconds
from sayso.api.deps import AccountsDep, AdminDep
from sayso.tenancy.audit import AuditEvent, AuditFilter, Bounds, list_audit_logs
from sayso.tenancy.paging import Page

MAX_TIME = 253_402_300_799  # Unix seconds; the end of the year 9999

audit_logs_router = APIRouter()


@audit_logs_router.get("/v1/organization/audit_logs")
async def list_events(request: Request, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Return the events, the latest first."""
    params = request.query_params
    wanted = _filter(params)
    asked = cut(params)
    if query.boolean(params, "tenant_only"):
        nothing: Page[AuditEvent] = Page()  # no event here spans organizations
        return page_response(nothing, _shape)
    return page_response(await list_audit_logs(accounts.db, admin.org_id, wanted, asked), _shape)


def _filter(params: QueryParams) -> AuditFilter:
    def bound(name: str) -> int | None:
        return query.integer(params, f"effective_at[{name}]", minimum=0, maximum=MAX_TIME)

    def texts(name: str) -> tuple[str, ...]:
        return query.text_list(params, name) or ()

    return AuditFilter(
        Bounds(bound("gt"), bound("gte"), bound("lt"), bound("lte")),
        texts("project_ids"),
        texts("event_types"),
        texts("actor_ids"),
        texts("actor_emails"),
        texts("resource_ids"),
    )


def _shape(event: AuditEvent) -> dict[str, object]:
    shown: dict[str, object] = {
        "object": "organization.audit_log",
        "id": event.id,
        "type": event.type,
        "effective_at": seconds(event.effective_at),
        "actor": _actor(event),
        event.type: {"id": event.resource_id, **event.details},
    }
    if event.project_id is not None:
        shown["project"] = {"id": event.project_id, "name": event.project_name}
    return shown


def _actor(event: AuditEvent) -> dict[str, object]:
    """An admin key with its user; without a key, the operator at the server's command line."""
    user = {"id": event.actor_user_id, "email": event.actor_email}
    if event.actor_key_id is None:
        return {"type": "session", "session": {"user": user, "ip_address": None}}
    return {"type": "api_key", "api_key": {"type": "user", "id": event.actor_key_id, "user": user}}
