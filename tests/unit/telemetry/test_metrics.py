"""What Prometheus sees."""

from sayso.telemetry.metrics import Metrics

NAMES = {
    *("http_requests", "request_duration_seconds", "time_to_first_token_seconds", "disconnects"),
    "credited_answers",
    *("prompt_tokens", "completion_tokens", "cached_prompt_tokens", "audio_seconds", "audio_decode_seconds"),
    *("in_flight", "queue_refusals", "engine_up", "engine_restarts"),
    *("content_dropped", "records_destroyed", "sweep_finished_timestamp_seconds", "sweep_failures"),
    "spend_alerts",
}


def test_every_metric_is_there_under_its_name() -> None:
    page = Metrics().render()[0].decode()
    named = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE sayso_")}
    assert {name.removesuffix("_total").removeprefix("sayso_") for name in named} == NAMES


def test_what_is_counted_is_shown() -> None:
    metrics = Metrics()
    metrics.http_requests.labels("/v1/chat/completions", "POST", "200").inc()
    metrics.prompt_tokens.labels("smol").inc(12)
    metrics.audio_seconds.labels("whisper", "transcribe").inc(1.5)
    metrics.in_flight.labels("smol").inc()
    metrics.time_to_first_token.labels("smol").observe(0.02)
    metrics.engine_up.labels("chat").set(0)
    value = metrics.registry.get_sample_value
    request = {"route": "/v1/chat/completions", "method": "POST", "status": "200"}
    assert value("sayso_http_requests_total", request) == 1
    assert value("sayso_prompt_tokens_total", {"model": "smol"}) == 12
    assert value("sayso_audio_seconds_total", {"model": "whisper", "task": "transcribe"}) == 1.5
    assert value("sayso_in_flight", {"model": "smol"}) == 1
    assert value("sayso_time_to_first_token_seconds_count", {"model": "smol"}) == 1
    assert value("sayso_engine_up", {"engine": "chat"}) == 0
    page, content_type = metrics.render()
    assert b'sayso_prompt_tokens_total{model="smol"} 12.0' in page
    assert b"_created" not in page
    assert content_type.startswith("text/plain")


def test_two_sets_of_metrics_share_nothing() -> None:
    first, second = Metrics(), Metrics()
    first.prompt_tokens.labels("m").inc()
    assert second.registry.get_sample_value("sayso_prompt_tokens_total", {"model": "m"}) is None
