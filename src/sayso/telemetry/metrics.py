"""What Prometheus reads. Labels are route templates and snapshot ids: never what a caller wrote."""

from typing import Any, Self

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.metrics import MetricWrapperBase

REQUEST_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
FIRST_TOKEN_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 2, 5, 10, 30)
DECODE_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30)


class _Remembering(MetricWrapperBase):
    """A metric that finds the series of known labels by one look-up."""

    def labels(self, *labelvalues: Any, **labelkwargs: Any) -> Self:
        known: dict[tuple[Any, ...], Self] = self.__dict__.setdefault("_known", {})
        series = known.get(labelvalues)
        if series is None:
            series = known[labelvalues] = super().labels(*labelvalues, **labelkwargs)
        return series


class _Counter(_Remembering, Counter):
    pass


class _Gauge(_Remembering, Gauge):
    pass


class _Histogram(_Remembering, Histogram):
    pass


class Metrics:
    """All metrics of one process, in a registry of their own. Durations are seconds."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, unused
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)  # under the names that every dashboard knows
        self._add_requests()
        self._add_usage()
        self._add_engines()
        self._add_retention()

    def _add_requests(self) -> None:
        self.http_requests = self._counter("http_requests", "Requests answered.", "route", "method", "status")
        self.request_duration = self._histogram(
            "request_duration_seconds", "From a request's first byte to its answer's last.",
            REQUEST_SECONDS, "route",
        )  # fmt: skip
        self.time_to_first_token = self._histogram(
            "time_to_first_token_seconds", "From a request to the first token of its answer.",
            FIRST_TOKEN_SECONDS, "model",
        )  # fmt: skip
        self.audio_decode = self._histogram(
            "audio_decode_seconds", "From an upload's last byte to its decoded samples.", DECODE_SECONDS
        )
        self.disconnects = self._counter("disconnects", "Callers that left before the end.", "model")
        self.queue_refusals = self._counter("queue_refusals", "Requests refused by a full queue.", "model")

    def _add_usage(self) -> None:
        self.prompt_tokens = self._counter("prompt_tokens", "Tokens of prompts.", "model")
        self.completion_tokens = self._counter("completion_tokens", "Tokens of answers.", "model")
        self.cached_prompt_tokens = self._counter(
            "cached_prompt_tokens", "Tokens of prompts that the prefix cache served.", "model"
        )
        self.audio_seconds = self._counter("audio_seconds", "Audio heard.", "model", "task")
        self.credited_answers = self._counter(
            "credited_answers", "Whole answers that were charged and lost with their gateway, then credited."
        )
        self.spend_alerts = self._counter("spend_alerts", "Spend alerts reached.", "scope")

    def _add_engines(self) -> None:
        self.in_flight = self._gauge("in_flight", "Requests admitted and not yet answered.", "model")
        self.engine_up = self._gauge("engine_up", "1 while the engine is ready, else 0.", "engine")
        self.engine_restarts = self._counter(
            "engine_restarts", "Starts of the engine's process after the first.", "engine"
        )

    def _add_retention(self) -> None:
        self.content_dropped = self._counter(
            "content_dropped", "Content that was to be kept and is lost.", "reason"
        )
        self.records_destroyed = self._counter(
            "records_destroyed", "Records whose keys and content this process has destroyed.", "cause"
        )
        self.sweep_finished = self._gauge(
            "sweep_finished_timestamp_seconds", "When this process's last sweep came to its end, Unix time."
        )
        self.sweep_failures = self._counter(
            "sweep_failures", "Sweeps that did not come to their end.", "reason"
        )

    def render(self) -> tuple[bytes, str]:
        """Return the page in Prometheus's text format, and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return _Counter(name, meaning, labels, namespace="sayso", registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return _Gauge(name, meaning, labels, namespace="sayso", registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return _Histogram(name, meaning, labels, namespace="sayso", buckets=buckets, registry=self.registry)
