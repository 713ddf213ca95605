"""Tells when a month's charges reach what somebody wanted to be told of."""

from sayso.billing.ledger import wall_clock
from sayso.billing.spend_alerts import raise_alerts
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.telemetry.logging import EventLogger
from sayso.telemetry.metrics import Metrics

log = EventLogger("spend")


async def tell_of_spending(db: Database, metrics: Metrics) -> None:
    """Log and count each alert that has been reached, once a month; call it every minute or so."""
    try:
        raised = await raise_alerts(db, wall_clock())
    except StorageUnavailable as error:
        log.warning("spend_not_looked_at", error=error)
        return
    for alert in raised:
        metrics.spend_alerts.labels(alert.scope.kind).inc()
        if alert.scope.kind == "project":
            log.warning(
                "spend_alert", alert_id=alert.id, project_id=alert.scope.id, charged_nano_usd=alert.posted
            )
        else:
            log.warning(
                "spend_alert", alert_id=alert.id, org_id=alert.scope.id, charged_nano_usd=alert.posted
            )
