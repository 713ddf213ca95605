"""Tells when a month's charges reach what somebody wanted to be told of."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sayso.app.notices import SpendNotice, Teller, mail_server, web_hook
from sayso.billing.alert_deliveries import Channel, Delivery, claim, close
from sayso.billing.invoices import Month
from sayso.billing.ledger import wall_clock
from sayso.billing.money import format_usd
from sayso.billing.spend_alerts import raise_alerts
from sayso.config import Settings
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.jobs.directory import names_of
from sayso.telemetry.logging import EventLogger
from sayso.telemetry.metrics import Metrics

MAX_DELIVERIES = 100  # at one look

log = EventLogger("spend")


def tellers(settings: Settings) -> dict[Channel, Teller]:
    """Return the ways to tell that are set up. Raises `ConfigurationError`."""
    found: dict[Channel, Teller] = {}
    if settings.alert_webhook_url:
        found["webhook"] = web_hook(settings.alert_webhook_url)
    if settings.smtp_url:
        found["mail"] = mail_server(settings.smtp_url, settings.mail_from)
    return found


async def tell_of_spending(
    db: Database, metrics: Metrics, channels: Mapping[Channel, Teller], *, now: int | None = None
) -> None:
    """Log and count each alert that has been reached, once a month, and tell of it by `channels`.

    What can not be told is tried again later. Call it every minute or so; `now` is in Unix microseconds.
    """
    moment = wall_clock() if now is None else now
    try:
        for alert in await raise_alerts(db, moment, tuple(channels)):
            metrics.spend_alerts.labels(alert.scope.kind).inc()
            if alert.scope.kind == "project":
                log.warning(
                    "spend_alert", alert_id=alert.id, project_id=alert.scope.id, charged_nano_usd=alert.posted
                )
            else:
                log.warning(
                    "spend_alert", alert_id=alert.id, org_id=alert.scope.id, charged_nano_usd=alert.posted
                )
        for _ in range(MAX_DELIVERIES):
            delivery = await claim(db, tuple(channels), moment)
            if delivery is None:
                break
            await _deliver(db, delivery, channels[delivery.channel])
    except StorageUnavailable as error:
        log.warning("spend_not_looked_at", error=error)


async def _deliver(db: Database, delivery: Delivery, teller: Teller) -> None:
    notice = await _notice(db, delivery)
    failure = await teller.tell(notice) if notice else None
    if failure is None:
        log.info("spend_alert_told", alert_id=delivery.alert_id, attempt=delivery.attempt)
    else:
        event = "spend_alert_given_up" if delivery.last else "spend_alert_not_told"
        log.warning(event, alert_id=delivery.alert_id, attempt=delivery.attempt, reason=failure)
    if failure is None or delivery.last:
        await close(db, delivery)


async def _notice(db: Database, delivery: Delivery) -> SpendNotice | None:
    """Return what to tell, None where whom it is about is gone."""
    names = await names_of(db, delivery.scope)
    if names is None:
        return None
    return SpendNotice(
        id=f"{delivery.alert_id}-{delivery.month_start}",
        alert_id=delivery.alert_id,
        month=str(Month.of(datetime.fromtimestamp(delivery.month_start, UTC))),
        threshold=format_usd(delivery.nano_usd),
        spent=format_usd(delivery.posted),
        organization_id=names.organization_id,
        organization=names.organization,
        project_id=names.project_id,
        project=names.project,
        recipients=delivery.recipients,
        subject_prefix=delivery.subject_prefix,
    )
