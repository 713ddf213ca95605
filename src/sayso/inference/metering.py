"""The one place where usage is recorded, whichever way a request ends."""

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sayso.core.caller import Caller
from sayso.core.speech import Task
from sayso.core.usage import AudioUsage, TokenUsage

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
