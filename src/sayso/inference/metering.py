"""The one place where usage is recorded, whichever way a request ends."""

import asyncio
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, TypeAlias

from sayso.billing.late_settlement import LateSettlement
from sayso.billing.ledger import Ledger
from sayso.billing.reservation import Hold, Reservation
from sayso.billing.settlement_spool import SettlementSpool
from sayso.core.caller import Caller
from sayso.core.metering import Outcome, Quantities
from sayso.core.speech import Task
from sayso.core.usage import AudioUsage, TokenUsage
from sayso.errors import ObjectNotFound, StorageUnavailable
from sayso.ids import RequestId
from sayso.telemetry.logging import EventLogger
from sayso.telemetry.metrics import Metrics

SETTLE_SECONDS = 2.0  # how long the database may take before a settlement is kept here
PATIENCE_SECONDS = 3.0  # how long an answer waits where it can be kept nowhere
LAST_SECONDS = 5.0  # how long stopping waits for what is still to be settled
RETRY_SECONDS = 0.1
REPLAY_SECONDS = 0.5  # how often what was kept here is tried again

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

    def sent(self, request_id: RequestId) -> None:
        """Hear that a request's answer leaves now, or never will: what it was charged stands."""
        ...


class BilledLedger:
    """Charges usage in the ledger, and counts it where Prometheus reads it.

    What is begun here ends, whatever becomes of the task that asked for it. While the database is away,
    settlements are kept in the spool, and answers end as ever. Where neither takes a settlement, the answer
    fails; it is settled later as what it was for the caller: a stream that broke off, or a failure.
    """

    def __init__(
        self,
        ledger: Ledger,
        metrics: Metrics,
        spool: SettlementSpool | None = None,
        *,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._ledger = ledger
        self._metrics = metrics
        self._spool = spool
        self._patience = patience
        self._admitted: dict[str, Reservation] = {}
        self._open: set[asyncio.Task[None]] = set()
        self._replaying: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to settle what is, or will be, in the spool."""
        if self._spool is not None:
            self._replaying = asyncio.create_task(self._replay_regularly(self._spool))

    async def reserve(self, reservation: Reservation) -> Hold:
        """Hold a request's worst case; raises what `Ledger.reserve` raises."""
        hold = await self._ledger.reserve(reservation)
        self._admitted[hold.request_id] = reservation
        return hold

    async def settle(self, hold: Hold, event: UsageEvent) -> None:
        """Charge `event`; raises `StorageUnavailable` where a completed answer must not go out."""
        count_usage(self._metrics, event)
        reservation = self._admitted.get(hold.request_id)
        whole = event.outcome == "completed" and reservation is not None and not reservation.streamed
        if whole and self._spool is not None:
            self._spool.charging(hold.request_id)
        await asyncio.shield(self._spawn(self._settle(hold, event)))

    async def settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None:
        """Charge what `counting` returns, as `settle` does, or give the hold back where that is nothing."""
        await asyncio.shield(self._spawn(self._settle_counted(hold, counting)))

    async def release(self, hold: Hold) -> None:
        """Give a hold back; where that can not be done now, it runs out."""
        self._admitted.pop(hold.request_id, None)
        await asyncio.shield(self._spawn(self._release(hold)))

    def sent(self, request_id: RequestId) -> None:
        """Let the charge of an answer stand: until now it is credited should this process die."""
        if self._spool is not None:
            self._spool.sent(request_id)

    async def close(self) -> None:
        """Wait a while for what is still to be settled; what is in the spool waits for the next start."""
        if self._replaying is not None:
            self._replaying.cancel()
            await asyncio.gather(self._replaying, return_exceptions=True)
        if self._open:
            _, late = await asyncio.wait(self._open, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        if self._spool is not None:
            with suppress(StorageUnavailable, TimeoutError):
                async with asyncio.timeout(LAST_SECONDS):
                    await self._replay(self._spool)
            await self._spool.close()

    async def _settle_counted(self, hold: Hold, counting: Coroutine[Any, Any, UsageEvent | None]) -> None:
        event = await counting
        if event is None:
            self._admitted.pop(hold.request_id, None)
            await self._release(hold)
        else:
            count_usage(self._metrics, event)
            await self._settle(hold, event)

    async def _settle(self, hold: Hold, event: UsageEvent) -> None:
        reservation = self._admitted.pop(hold.request_id, None)
        try:
            await self._until_kept(hold, event, reservation, self._patience)
        except StorageUnavailable:
            completed = event.outcome == "completed"
            if completed:  # which its caller will not see: it ends with an error
                streamed = reservation is not None and reservation.streamed
                lost: Outcome = "disconnected" if streamed else "failed"
                event = replace(event, outcome=lost)
            self._spawn(self._until_kept(hold, event, reservation, None))
            if completed:
                raise

    async def _until_kept(
        self, hold: Hold, event: UsageEvent, reservation: Reservation | None, patience: float | None
    ) -> None:
        """Settle, again and again for `patience` seconds, or for ever. Raises `StorageUnavailable`."""
        clock = asyncio.get_running_loop()
        deadline = None if patience is None else clock.time() + patience
        while True:
            try:
                await self._keep(hold, event, reservation)
            except StorageUnavailable:
                if deadline is not None and clock.time() >= deadline:
                    raise
                log.warning("settlement_waits", request_id=hold.request_id)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                return

    async def _keep(self, hold: Hold, event: UsageEvent, reservation: Reservation | None) -> None:
        """Settle in the database, else keep the settlement in the spool. Raises `StorageUnavailable`."""
        actual, outcome = event.quantities, event.outcome
        late = LateSettlement.of(hold, reservation, actual, outcome) if reservation else None
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._settle_now(hold, event, late)
        except (StorageUnavailable, TimeoutError) as error:
            if self._spool is None or late is None:
                raise StorageUnavailable from error
            await self._spool.keep(late)

    async def _settle_now(self, hold: Hold, event: UsageEvent, late: LateSettlement | None) -> None:
        try:
            await self._ledger.settle(hold, event.quantities, event.outcome)
        except ObjectNotFound:  # a database that crashed comes back without its last holds
            if late is None:
                raise
            await self._ledger.settle_late(late)

    async def _replay_regularly(self, spool: SettlementSpool) -> None:
        while True:
            with suppress(StorageUnavailable):
                await self._replay(spool)
            await spool.until_due(REPLAY_SECONDS)

    async def _replay(self, spool: SettlementSpool) -> None:
        self._metrics.credited_answers.inc(await spool.replay(self._ledger))

    async def _release(self, hold: Hold) -> None:
        try:
            async with asyncio.timeout(SETTLE_SECONDS):
                await self._ledger.release(hold)
        except (StorageUnavailable, TimeoutError):
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
