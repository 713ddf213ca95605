"""…/spend_alerts: amounts at which a month's charges of the organization or of a project are told."""

from typing import Annotated, Literal, TypeAlias

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from sayso.api.admin.bodies import read_body
from sayso.api.admin.listing import cut, deleted, page_of, page_response
from sayso.api.admin.scopes import PathScope, for_each_scope
from sayso.api.admin.spend_limit import MAX_CENTS
from sayso.api.deps import AccountsDep, AdminDep, ServicesDep
from sayso.api.openai.answering import json_response
from sayso.billing.ledger import wall_clock
from sayso.billing.money import NANO_PER_CENT
from sayso.billing.scopes import Scope
from sayso.billing.spend_alerts import (
    Alert,
    AlertTerms,
    add_alert,
    change_alert,
    find_alert,
    list_alerts,
    remove_alert,
)
from sayso.errors import ObjectNotFound
from sayso.jobs.limits import scope_project
from sayso.tenancy.audit import record

MAX_RECIPIENTS = 50
AUDITED = "tenant.billing.alerts.updated"

Address: TypeAlias = Annotated[str, Field(min_length=1, max_length=320)]

_router = APIRouter()


class ChannelBody(BaseModel):
    """Whom to tell."""

    type: Literal["email"]
    recipients: Annotated[list[Address], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    subject_prefix: Annotated[str, Field(max_length=256)] | None = None


class SpendAlertBody(BaseModel):
    """When, in cents, and whom to tell."""

    threshold_amount: Annotated[int, Field(ge=0, le=MAX_CENTS)]
    currency: Literal["USD"]
    interval: Literal["month"]
    notification_channel: ChannelBody

    @property
    def terms(self) -> AlertTerms:
        """The same in nano-dollars."""
        channel = self.notification_channel
        return AlertTerms(
            self.threshold_amount * NANO_PER_CENT, tuple(channel.recipients), channel.subject_prefix
        )


@_router.get("/spend_alerts")
async def list_all(request: Request, scope: PathScope, accounts: AccountsDep) -> Response:
    """Return the alerts."""
    asked = cut(request.query_params)
    async with accounts.db.read() as session:
        found = await list_alerts(session, scope)
    return page_response(page_of(found, asked, lambda alert: alert.id), lambda alert: _shape(scope, alert))


@_router.post("/spend_alerts")
async def create(
    request: Request, scope: PathScope, admin: AdminDep, accounts: AccountsDep, services: ServicesDep
) -> Response:
    """Keep an alert."""
    body = await read_body(request, services, SpendAlertBody)
    async with accounts.db.transaction() as session:
        added = await add_alert(session, scope, body.terms, wall_clock())
        await record(session, admin, AUDITED, added.id, None, scope_project(scope))
    return json_response(_shape(scope, added))


@_router.get("/spend_alerts/{alert_id}")
async def retrieve(alert_id: str, scope: PathScope, accounts: AccountsDep) -> Response:
    """Return an alert."""
    async with accounts.db.read() as session:
        found = await find_alert(session, scope, alert_id)
    if found is None:
        raise _missing(alert_id)
    return json_response(_shape(scope, found))


@_router.post("/spend_alerts/{alert_id}")
async def update(
    alert_id: str,
    request: Request,
    scope: PathScope,
    admin: AdminDep,
    accounts: AccountsDep,
    services: ServicesDep,
) -> Response:
    """Replace an alert."""
    body = await read_body(request, services, SpendAlertBody)
    async with accounts.db.transaction() as session:
        changed = await change_alert(session, scope, alert_id, body.terms)
        if changed is None:
            raise _missing(alert_id)
        await record(session, admin, AUDITED, alert_id, None, scope_project(scope))
    return json_response(_shape(scope, changed))


@_router.delete("/spend_alerts/{alert_id}")
async def delete(alert_id: str, scope: PathScope, admin: AdminDep, accounts: AccountsDep) -> Response:
    """Remove an alert."""
    async with accounts.db.transaction() as session:
        if not await remove_alert(session, scope, alert_id):
            raise _missing(alert_id)
        await record(session, admin, AUDITED, alert_id, None, scope_project(scope))
    return deleted(f"{scope.kind}.spend_alert", alert_id)


spend_alerts_router = for_each_scope(_router)


def _missing(alert_id: str) -> ObjectNotFound:
    return ObjectNotFound(f"No spend alert found with id '{alert_id}'.", param="alert_id")


def _shape(scope: Scope, alert: Alert) -> dict[str, object]:
    return {
        "id": alert.id,
        "object": f"{scope.kind}.spend_alert",
        "threshold_amount": alert.terms.nano_usd // NANO_PER_CENT,
        "currency": "USD",
        "interval": "month",
        "notification_channel": {
            "type": "email",
            "recipients": list(alert.terms.recipients),
            "subject_prefix": alert.terms.subject_prefix,
        },
    }
