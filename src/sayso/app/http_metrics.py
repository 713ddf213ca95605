"""The metrics as the HTTP layer wants them, and a decoder that fills one."""

import time

from sayso.audio.decoding import AudioDecoder
from sayso.core.speech import Audio
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


class TimedDecoder:
    """`decoder`, with every decoding's duration observed."""

    def __init__(self, decoder: AudioDecoder, metrics: Metrics) -> None:
        self._decoder = decoder
        self._metrics = metrics

    async def decode(self, content: bytes | bytearray | memoryview, cores: tuple[int, ...] = ()) -> Audio:
        """Decode `content`, on `cores` where any are named. Raises what the decoder raises."""
        begun = time.perf_counter()
        audio = await self._decoder.decode(content, cores)
        self._metrics.audio_decode.observe(time.perf_counter() - begun)
        return audio
