"""What the data promise does, as metrics."""

from sayso.retention.service import Retention
from sayso.retention.sweep import SweepRun
from sayso.telemetry.metrics import Metrics


def count_retention(retention: Retention, metrics: Metrics) -> None:
    """Have everything that is lost or destroyed from now on counted in `metrics`."""

    def swept(run: SweepRun) -> None:
        metrics.sweep_finished.set(run.finished_at / 1_000_000)
        for _, _, cause, records, _ in run.counts:
            metrics.records_destroyed.labels(cause).inc(records)

    retention.store.on_dropped = lambda reason: metrics.content_dropped.labels(reason).inc()
    retention.sweeper.on_run = swept
    retention.sweeper.on_failure = lambda reason: metrics.sweep_failures.labels(reason).inc()
