"""The one place where usage is recorded, whichever way a request ends."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sayso.core.caller import Caller
from sayso.core.speech import Task
from sayso.core.usage import AudioUsage, TokenUsage
from sayso.telemetry.metrics import Metrics

Outcome: TypeAlias = Literal["completed", "disconnected", "failed"]


@dataclass(frozen=True, slots=True)
class ChatUsageEvent:
    """What one chat or completion consumed. `model` is the name asked for, `snapshot` what answered."""

    caller: Caller
    model: str
    snapshot: str
    usage: TokenUsage
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class SpeechUsageEvent:
    """What one transcription, translation or detection heard."""

    caller: Caller
    model: str
    snapshot: str
    task: Task | Literal["detect"]
    usage: AudioUsage
    outcome: Outcome


UsageEvent: TypeAlias = ChatUsageEvent | SpeechUsageEvent


class UsageLedger(Protocol):
    """Where usage events go."""

    async def settle(self, event: UsageEvent) -> None:
        """Record `event` before the caller sees the final usage."""
        ...


class MetricsLedger:
    """Counts usage where Prometheus reads it; labels are snapshots' ids."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    async def settle(self, event: UsageEvent) -> None:
        """Count `event`."""
        metrics, snapshot = self._metrics, event.snapshot
        match event:
            case ChatUsageEvent(usage=tokens):
                metrics.prompt_tokens.labels(snapshot).inc(tokens.prompt_tokens)
                metrics.completion_tokens.labels(snapshot).inc(tokens.completion_tokens)
                metrics.cached_prompt_tokens.labels(snapshot).inc(tokens.cached_tokens)
            case SpeechUsageEvent(usage=audio, task=task):
                metrics.audio_seconds.labels(snapshot, task).inc(audio.seconds)
        if event.outcome == "disconnected":
            metrics.disconnects.labels(snapshot).inc()
