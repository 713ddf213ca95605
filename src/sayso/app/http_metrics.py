"""The metrics as the HTTP layer wants them."""

from sayso.telemetry.metrics import Metrics


class GatewayMetrics:
    """Counts requests in `metrics` and renders the page."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def observe_request(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._metrics.http_requests.labels(route, method, status).inc()
        self._metrics.request_duration.labels(route).observe(seconds)

    def render(self) -> bytes:
        """Return the page in Prometheus's text format."""
        return self._metrics.render()[0]
