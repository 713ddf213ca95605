"""Engines that nobody uses any more are started anew: their memory keeps nothing of what they read."""

import asyncio
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sayso.engines.supervisor import EngineHost
from sayso.telemetry.metrics import Metrics

LOOK_SECONDS = 10.0
_WORK = ("sayso_prompt_tokens_total", "sayso_time_to_first_token_seconds_count")


@dataclass(slots=True)
class _Seen:
    work: float
    since: float
    fresh: bool  # it has had no work since its start


class IdleEngines:
    """Watches hosts by what `metrics` count of their work: probes are none."""

    def __init__(
        self,
        hosts: Iterable[EngineHost],
        metrics: Metrics,
        idle_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hosts = tuple(hosts)
        self._value = metrics.registry.get_sample_value
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._seen: dict[str, _Seen] = {}

    async def run(self) -> None:
        """Look again and again; at once over where no time is set."""
        while self._idle_seconds:
            self.look()
            await asyncio.sleep(min(LOOK_SECONDS, self._idle_seconds))

    def look(self) -> None:
        """Start anew what has had work and been idle for so long."""
        now = self._clock()
        for host in self._hosts:
            name = host.config.snapshot
            work = self._work(name)
            seen = self._seen.setdefault(name, _Seen(work, now, fresh=not work))
            if work != seen.work or self._value("sayso_in_flight", {"model": name}):
                self._seen[name] = _Seen(work, now, fresh=False)
            elif not seen.fresh and now - seen.since >= self._idle_seconds:
                self._seen[name] = _Seen(work, now, fresh=True)
                host.renew()

    def _work(self, name: str) -> float:
        heard = (
            self._value("sayso_audio_seconds_total", {"model": name, "task": task})
            for task in ("transcribe", "translate", "detect")
        )
        counted = (self._value(metric, {"model": name}) for metric in _WORK)
        return sum(value or 0.0 for value in (*heard, *counted))
