"""The ledger as the rest of sayso sees it: reserve before the work, settle after it."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Self, TypeAlias, cast

from sqlalchemy import Connection, delete, text

from sayso.billing import holds, idempotency
from sayso.billing.batch import Batch, CreditUnsent, Post, PostTime, Release, Result, Reverse, Settle
from sayso.billing.counters import MICROSECONDS, MINUTES_KEPT
from sayso.billing.instance_time import InstanceTime
from sayso.billing.journal import Entries
from sayso.billing.late_settlement import LateSettlement
from sayso.billing.ledger_state import LedgerState
from sayso.billing.ledger_version import LedgerVersion, follows, next_version
from sayso.billing.price_book import load_books
from sayso.billing.pricing import Charge, PriceBookVersion
from sayso.billing.reservation import Hold, Reservation
from sayso.billing.tables import Counter
from sayso.core.metering import Outcome, Quantities
from sayso.core.patience import patience_left, wait_a_turn, wait_patiently
from sayso.db.session import Database
from sayso.db.writer import GroupWriter
from sayso.errors import SaysoError, StorageUnavailable
from sayso.ids import OrgId, RequestId
from sayso.telemetry.logging import EventLogger

HOLD_SECONDS = 45  # a hold that nobody keeps alive is void after this
KEEP_SECONDS = 10  # how often the holds of this process are kept alive and stale ones swept
CLOSED_HOLDS_SECONDS = 86_400  # how long a closed hold can still be looked at
SWEEP_LIMIT = 500  # stale holds that one sweep voids
FORGET_LIMIT = 5_000  # closed holds that one sweep removes
STUCK_TURNS = 10  # a batch that a request sees for so many turns does not move: half a second, if all is well
DOUBT_SECONDS = 2.0  # after a failure, how long the storage is not trusted to take a write

log = EventLogger("ledger")


@dataclass(frozen=True, slots=True)
class Keep:
    """Keep the holds of live requests alive, void those that nobody keeps, forget old rows."""

    live: tuple[RequestId, ...]


@dataclass(frozen=True, slots=True)
class Probe:
    """See whether anything can be written at all."""


Operation: TypeAlias = (
    Reservation | Settle | Release | Post | PostTime | Reverse | CreditUnsent | Keep | Probe
)


def wall_clock() -> int:
    """Return the moment in Unix microseconds."""
    return time.time_ns() // 1000


def must_outlive_a_power_cut(operation: Operation) -> bool:
    """Tell what is money, or a promise not to do a thing twice; a settlement needs no hold to be right."""
    if isinstance(operation, Reservation):
        return operation.idempotency is not None
    return not isinstance(operation, Release | Keep | Probe)


class LedgerWriter:
    """What the group writer applies; knows the tables' state as long as nobody else has written."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._clock = clock
        self._books: list[PriceBookVersion] = []
        self._state = LedgerState()
        self._version: LedgerVersion | None = None

    def __call__(
        self, connection: Connection, operations: Sequence[Operation]
    ) -> Sequence[Result | Exception]:
        """Apply `operations` in order; each fails alone."""
        now = self._clock()
        kept = [one for one in operations if isinstance(one, Keep)]
        self._catch_up(connection, swept=bool(kept))
        stale = self._sweep(connection, kept, now) if kept else {}
        batch = Batch(
            connection,
            self._state,
            self._books,
            now=now,
            hold_microseconds=HOLD_SECONDS * MICROSECONDS,
            oldest_minute=now - MINUTES_KEPT * 60 * MICROSECONDS,
        )
        batch.load(operations, stale)
        for request_id in stale:
            batch.release(RequestId(request_id))
        results = [_apply(batch, operation) for operation in operations]
        batch.flush()
        return results

    def _catch_up(self, connection: Connection, *, swept: bool) -> None:
        """Forget what may be different: after others have written, or a failure, which ends a connection."""
        version, before = next_version(connection), self._version
        self._version = version
        alone = follows(version, before)
        if not alone:
            self._books += load_books(connection, after=self._books[-1].id if self._books else 0)
        if not alone or swept or self._state.grown:
            self._state = LedgerState()

    def _sweep(self, connection: Connection, kept: Sequence[Keep], now: int) -> dict[str, holds.HoldState]:
        """Keep alive what lives, forget what is old, return the holds that nobody keeps."""
        for keep in kept:
            holds.keep_alive(connection, keep.live, now + HOLD_SECONDS * MICROSECONDS)
        holds.forget(connection, now - CLOSED_HOLDS_SECONDS * MICROSECONDS, FORGET_LIMIT)
        idempotency.forget(connection, now - idempotency.KEPT_SECONDS * MICROSECONDS)
        oldest = now // MICROSECONDS - (MINUTES_KEPT + 1) * 60
        # As text, for a bound value does not tell the planner that the index of minutes will do.
        minutes = text("counters.period = 'minute'")
        connection.execute(delete(Counter).where(minutes, Counter.period_start < oldest))
        return holds.stale(connection, now, SWEEP_LIMIT)


def _apply(batch: Batch, operation: Operation) -> Result | Exception:
    try:
        match operation:
            case Reservation():
                return batch.reserve(operation)
            case Settle():
                return batch.settle(operation)
            case Release():
                batch.release(operation.request_id)
                return None
            case Post():
                return batch.post(operation)
            case PostTime():
                return batch.post_time(operation)
            case Reverse():
                return batch.reverse(operation)
            case CreditUnsent():
                return batch.credit_unsent(operation)
            case Keep() | Probe():
                return None
    except StorageUnavailable:  # the transaction is gone, and with it what others in the batch have done
        raise
    except SaysoError as error:
        return error


class Ledger:
    """Holds, charges and corrections; every answer comes once it is committed, and durable where it is money.

    Every method raises `StorageUnavailable`. A hold is kept alive while this process has it.
    """

    def __init__(self, writer: GroupWriter[Operation, Result]) -> None:
        self._writer = writer
        self._live: set[RequestId] = set()
        self._failed_at = float("-inf")
        self._stuck: int | None = None  # the batch that a request gave up waiting for
        self._keeping: asyncio.Task[None] | None = None

    @classmethod
    def open(cls, database: Database, *, clock: Callable[[], int] = wall_clock) -> Self:
        """Return the ledger in `database`, which must be migrated and have a price book."""
        return cls(
            GroupWriter(
                database.sync_engine(),
                LedgerWriter(clock),
                durable=must_outlive_a_power_cut,
                turn=database.threads_turn,
            )
        )

    def start(self) -> None:
        """Begin to keep holds alive and to sweep those of processes that are gone."""
        self._keeping = asyncio.create_task(self._keep_regularly())

    async def close(self) -> None:
        """Write what waits, then stop."""
        if self._keeping is not None:
            self._keeping.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeping
        await self._writer.close()

    async def reserve(self, reservation: Reservation) -> Hold:
        """Hold the worst case of a request.

        Raises `RateLimited`, `QuotaExceeded`, `IdempotencyConflict` and `AmountOverflow`. A caller that is
        cancelled meanwhile, or refused after its patience, has no hold afterwards.
        """
        future = self._submit(reservation)
        self._live.add(reservation.request_id)
        try:
            return cast("Hold", await self._unless_stuck(future))
        except (asyncio.CancelledError, TimeoutError) as error:
            future.add_done_callback(lambda done: self._give_back(reservation.request_id, done))
            if isinstance(error, TimeoutError):
                raise self._doubted(StorageUnavailable()) from error
            raise
        except SaysoError as error:
            self._live.discard(reservation.request_id)
            raise self._doubted(error) from error.__cause__

    async def settle(self, hold: Hold, actual: Quantities, outcome: Outcome) -> Charge:
        """Charge what was consumed, in one transaction with the usage event; twice is as good as once.

        More than was held is charged all the same, and logged: what was delivered is never lost. An outcome
        of `failed` charges nothing.
        """
        return await self._settle(Settle(hold.request_id, actual, outcome))

    async def settle_late(self, settlement: LateSettlement) -> Charge:
        """Charge what had to wait for the database, even where that has lost the hold meanwhile."""
        hold = settlement.hold
        return await self._settle(Settle(hold.request_id, settlement.actual, settlement.outcome, hold))

    async def release(self, hold: Hold) -> None:
        """Give a hold back: nothing was consumed."""
        await self._submit(Release(hold.request_id))
        self._live.discard(hold.request_id)

    def abandon(self, hold: Hold) -> None:
        """Let a hold run out by itself, where it could be neither settled nor released."""
        self._live.discard(hold.request_id)

    async def post(
        self, kind: str, organization_id: OrgId, reference: str, entries: Entries, *, once: bool = False
    ) -> int:
        """Post entries that are no charge, such as a credit; return the transaction's number.

        With `once`, what has been posted with the same kind and reference is not posted again. Raises
        `InvalidRequest` for fewer than two entries or a sum that is not zero, `AmountOverflow`.
        """
        return cast("int", await self._writer.submit(Post(kind, organization_id, reference, entries, once)))

    async def post_time(self, time: InstanceTime) -> int:
        """Charge seconds of a dedicated instance, once; return the transaction's number.

        Raises `InvalidRequest` for seconds that are paid for already, `AmountOverflow`.
        """
        return cast("int", await self._writer.submit(PostTime(time)))

    async def reverse(self, transaction_id: int) -> int:
        """Post the opposite of a transaction; return the new one's number.

        Raises `InvalidRequest` for one that does not exist, is itself a reversal or is reversed already.
        """
        return cast("int", await self._writer.submit(Reverse(transaction_id)))

    async def credit_unsent(self, request_ids: tuple[str, ...]) -> int:
        """Take back the charges for whole answers that never left, each once; return how many there were.

        A retry under an idempotency key of theirs is a request of its own again. Streams stay charged.
        """
        return cast("int", await self._submit(CreditUnsent(request_ids)))

    async def keep(self) -> None:
        """Keep this process's holds alive, void stale ones, forget old rows."""
        await self._writer.submit(Keep(tuple(self._live)))

    async def writable(self) -> bool:
        """Tell, as patiently as a request is admitted, whether the storage takes writes now."""
        if time.monotonic() - self._failed_at < DOUBT_SECONDS:
            return False
        try:
            probe = self._submit(Probe())
            await wait_patiently(probe)
            return probe.done() and probe.result() is None
        except StorageUnavailable:
            return False

    def _submit(self, operation: Operation) -> "asyncio.Future[Result]":
        """Queue `operation`; raises `StorageUnavailable` at once where nothing has moved for a while."""
        if self._stuck is not None and self._stuck == self._writer.batch_under_way:
            raise self._doubted(StorageUnavailable())
        return self._writer.submit(operation)

    async def _unless_stuck(self, future: "asyncio.Future[Result]") -> Result:
        """Await `future`, for as long as others get their answers; raises `TimeoutError`."""
        patience, waited, turns, seen = patience_left(), 0.0, 0, None
        while not future.done():
            waited += await wait_a_turn(future)
            batch = self._writer.batch_under_way
            turns = turns + 1 if batch is not None and batch == seen else 0
            seen = batch
            if waited >= patience and turns >= STUCK_TURNS and not future.done():
                self._stuck = batch
                raise TimeoutError
        return future.result()

    async def _settle(self, operation: Settle) -> Charge:
        try:
            charge = await self._submit(operation)
        except StorageUnavailable as error:  # to be settled again
            raise self._doubted(error) from error.__cause__
        except Exception:
            self._live.discard(operation.request_id)  # its hold runs out
            raise
        self._live.discard(operation.request_id)
        return cast("Charge", charge)

    def _doubted(self, error: SaysoError) -> SaysoError:
        """Return `error`, having remembered when the storage failed."""
        if isinstance(error, StorageUnavailable):
            self._failed_at = time.monotonic()
        return error

    async def _keep_regularly(self) -> None:
        while True:
            try:
                await self.keep()
            except StorageUnavailable as error:
                log.warning("holds_not_kept", error=error)
            await asyncio.sleep(KEEP_SECONDS)

    def _give_back(self, request_id: RequestId, done: "asyncio.Future[Result]") -> None:
        self._live.discard(request_id)
        if not done.cancelled() and done.exception() is None:
            with contextlib.suppress(StorageUnavailable):  # it runs out by itself
                self._writer.submit(Release(request_id)).add_done_callback(_look_at)


def _look_at(done: "asyncio.Future[Result]") -> None:
    """Retrieve the exception, so that nobody is told that it was never retrieved."""
    if not done.cancelled():
        done.exception()
