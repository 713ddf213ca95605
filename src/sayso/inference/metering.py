"""The one place where usage is recorded, whichever way a request ends."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

from sayso.billing.ledger import Ledger
from sayso.billing.reservation import Hold, Reservation
from sayso.core.caller import Caller
from sayso.core.metering import Outcome, Quantities
from sayso.core.speech import Task
from sayso.core.usage import AudioUsage, TokenUsage
from sayso.errors import StorageUnavailable
from sayso.telemetry.logging import EventLogger
from sayso.telemetry.metrics import Metrics

PATIENCE_SECONDS = 3.0  # how long an answer waits for a storage that is away
LAST_SECONDS = 5.0  # how long stopping waits for what is still to be settled
RETRY_SECONDS = 0.1

log = EventLogger("metering")


@dataclass(frozen=True, slots=True)
class ChatUsageEvent:
    """What one chat or completion consumed. `model` is the name asked for, `snapshot` what answered."""

    caller: Caller
    model: str
    snapshot: str
    usage: TokenUsage
    outcome: Outcome

    @property
    def quantities(self) -> Quantities:
        """The same, by meter."""
        usage = self.usage
        return Quantities(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens)


@dataclass(frozen=True, slots=True)
class SpeechUsageEvent:
    """What one transcription, translation or detection heard."""

    caller: Caller
    model: str
    snapshot: str
    task: Task | Literal["detect"]
    usage: AudioUsage
    outcome: Outcome

    @property
    def quantities(self) -> Quantities:
        """The same, by meter."""
        return Quantities(audio_milliseconds=self.usage.milliseconds)


UsageEvent: TypeAlias = ChatUsageEvent | SpeechUsageEvent


class UsageLedger(Protocol):
    """Admits requests, and takes their usage events."""

    async def reserve(self, reservation: Reservation) -> Hold:
        """Hold a request's worst case before its work begins; raises what `Ledger.reserve` raises."""
        ...

    async def settle(self, hold: Hold, event: UsageEvent) -> None:
        """Record `event` before the caller sees the final usage. Raises `StorageUnavailable`."""
        ...

    async def settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None:
        """Settle what `counting` returns; give the hold back where that is nothing."""
        ...

    async def release(self, hold: Hold) -> None:
        """Give a hold back: nothing was consumed."""
        ...


class BilledLedger:
    """Charges usage in the ledger, and counts it where Prometheus reads it.

    What is begun here ends, whatever becomes of the task that asked for it. While the storage is away a
    settlement is tried again; an answer that had to go out without one is settled as what it was for the
    caller: a stream that broke off, or a failure.
    """

    def __init__(self, ledger: Ledger, metrics: Metrics, *, patience: float = PATIENCE_SECONDS) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._patience = patience
        self._streamed: set[str] = set()
        self._open: set[asyncio.Task[None]] = set()

    async def reserve(self, reservation: Reservation) -> Hold:
        """Hold a request's worst case; raises what `Ledger.reserve` raises."""
        hold = await self._ledger.reserve(reservation)
        if reservation.streamed:
            self._streamed.add(hold.request_id)
        return hold

    async def settle(self, hold: Hold, event: UsageEvent) -> None:
        """Charge `event`; raises `StorageUnavailable` where that could not be done in time."""
        count_usage(self._metrics, event)
        await asyncio.shield(self._spawn(self._settle(hold, event)))

    async def settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None:
        """Charge what `counting` returns, as `settle` does, or give the hold back where that is nothing."""
        await asyncio.shield(self._spawn(self._settle_counted(hold, counting)))

    async def release(self, hold: Hold) -> None:
        """Give a hold back; where that can not be done now, it is tried again later."""
        self._streamed.discard(hold.request_id)
        await asyncio.shield(self._spawn(self._release(hold)))

    async def close(self) -> None:
        """Wait a while for what is still to be settled."""
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None:
        event = await counting
        if event is None:
            self._streamed.discard(hold.request_id)
            await self._release(hold)
        else:
            count_usage(self._metrics, event)
            await self._settle(hold, event)

    async def _settle(self, hold: Hold, event: UsageEvent) -> None:
        try:
            await self._until_kept(hold, event, self._patience)
        except StorageUnavailable:
            streamed = hold.request_id in self._streamed
            lost: Outcome = "disconnected" if streamed and event.outcome != "failed" else "failed"
            self._spawn(self._until_kept(hold, replace(event, outcome=lost), None))
            raise
        finally:
            self._streamed.discard(hold.request_id)

    async def _until_kept(self, hold: Hold, event: UsageEvent, patience: float | None) -> None:
        """Settle, again and again for `patience` seconds, or for ever. Raises `StorageUnavailable`."""
        clock = asyncio.get_running_loop()
        deadline = None if patience is None else clock.time() + patience
        while True:
            try:
                await self._ledger.settle(hold, event.quantities, event.outcome)
            except StorageUnavailable:
                if deadline is not None and clock.time() >= deadline:
                    raise
                log.warning("settlement_waits", request_id=hold.request_id)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _release(self, hold: Hold) -> None:
        try:
            await self._ledger.release(hold)
        except StorageUnavailable:
            self._ledger.abandon(hold)  # it runs out by itself

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._open.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._open.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("settlement_failed", error=error)


def count_usage(metrics: Metrics, event: UsageEvent) -> None:
    """Count `event` where Prometheus reads it; labels are snapshots' ids."""
    snapshot = event.snapshot
    match event:
        case ChatUsageEvent(usage=tokens):
            metrics.prompt_tokens.labels(snapshot).inc(tokens.prompt_tokens)
            metrics.completion_tokens.labels(snapshot).inc(tokens.completion_tokens)
            metrics.cached_prompt_tokens.labels(snapshot).inc(tokens.cached_tokens)
        case SpeechUsageEvent(usage=audio, task=task):
            metrics.audio_seconds.labels(snapshot, task).inc(audio.seconds)
    if event.outcome == "disconnected":
        metrics.disconnects.labels(snapshot).inc()
