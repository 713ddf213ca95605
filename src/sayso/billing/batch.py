"""Many operations on the ledger in one transaction: read what they need, decide in memory, write once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from sqlalchemy import Connection

from sayso.billing import holds, instance_time, lost_holds, usage_events
from sayso.billing.counters import Tally
from sayso.billing.holds import HoldState
from sayso.billing.idempotency import Claims, held_key, key_of
from sayso.billing.instance_time import InstanceTime
from sayso.billing.journal import Entries, Journal, Posting, receivable, revenue
from sayso.billing.ledger_state import LedgerState
from sayso.billing.limits import check_budgets, check_rate_limits
from sayso.billing.price_book import in_force
from sayso.billing.pricing import INCLUDED, Charge, PriceBookVersion, price
from sayso.billing.reservation import Hold, Reservation
from sayso.billing.unsent_charges import unsent_charges
from sayso.billing.usage_events import UsageRecord
from sayso.core.metering import METERS, Outcome, Quantities, billable
from sayso.errors import AmountOverflow, InvalidRequest, ObjectNotFound
from sayso.ids import RequestId
from sayso.telemetry.logging import EventLogger

log = EventLogger("billing")


@dataclass(frozen=True, slots=True)
class Settle:
    """Post what a request has consumed; `granted` is its hold where a power cut may have taken that back."""

    request_id: RequestId
    actual: Quantities
    outcome: Outcome
    granted: HoldState | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """Give a hold back: nothing was consumed."""

    request_id: RequestId


@dataclass(frozen=True, slots=True)
class Post:
    """Post entries that are no charge, such as a credit."""

    kind: str
    organization_id: str
    reference: str
    entries: Entries
    once: bool = False  # whether what has been posted with this kind and reference is good enough


@dataclass(frozen=True, slots=True)
class PostTime:
    """Charge seconds of a dedicated instance; twice is as good as once."""

    time: InstanceTime


@dataclass(frozen=True, slots=True)
class Reverse:
    """Take a transaction back."""

    transaction_id: int


@dataclass(frozen=True, slots=True)
class CreditUnsent:
    """Take back what was charged for whole answers that never left."""

    request_ids: tuple[str, ...]


Billed: TypeAlias = Reservation | Settle | Release
Result: TypeAlias = Hold | Charge | int | None


class Batch:
    """The rows that some operations need, and what becomes of them. `now` is in Unix microseconds."""

    def __init__(
        self,
        connection: Connection,
        state: LedgerState,
        books: list[PriceBookVersion],
        *,
        now: int,
        hold_microseconds: int,
        oldest_minute: int,
    ) -> None:
        self._connection = connection
        self._state = state
        self._books = books
        self._now = now
        self._expires_at = now + hold_microseconds
        self._oldest_minute = oldest_minute
        self._holds = state.holds
        self._new: set[str] = set()
        self._closed: set[str] = set()
        self._ending: set[str] = set()
        self._counters = state.counters
        self._claims = Claims()
        self._journal = Journal(connection, state.journal)
        self._usage: list[tuple[UsageRecord, int]] = []

    def load(self, operations: Iterable[object], stale: dict[str, HoldState]) -> None:
        """Read what `operations` need, and what closing the `stale` holds needs."""
        reservations = [one for one in operations if isinstance(one, Reservation)]
        ending = [one.request_id for one in operations if isinstance(one, Settle | Release)]
        unsent = [key for one in operations if isinstance(one, CreditUnsent) for key in one.request_ids]
        ending += map(RequestId, unsent)
        self._holds |= stale
        self._holds |= holds.load(self._connection, (one for one in ending if one not in self._holds))
        granted = (one.granted for one in operations if isinstance(one, Settle) and one.granted)
        lost = lost_holds.find(
            self._connection, [one for one in granted if one.request_id not in self._holds]
        )
        self._holds |= lost
        self._ending = {*ending, *stale}
        ended = [self._holds[one] for one in self._ending if one in self._holds]
        counted = {(hold.subject, hold.admitted_at) for hold in ended if not hold.instance_id}
        paid = (reservation for reservation in reservations if not reservation.instance_id)
        counted |= {(holds.subject_of(reservation), self._now) for reservation in paid}
        keys = {key for subject, moment in counted for key in subject.counters(moment)}
        times = (one.time for one in operations if isinstance(one, PostTime))
        keys |= {key for time in times for key in instance_time.counters(time)}
        self._counters.load(self._connection, keys)
        self._restore(lost)
        claimed = [key_of(one) for one in reservations] + [held_key(hold) for hold in ended]
        self._claims.load(self._connection, (key for key in claimed if key))
        if ended:
            owed = {receivable(hold.organization_id) for hold in ended}
            self._journal.load(owed | {revenue(meter) for meter in METERS})
        self._state.load_rules(self._connection, {scope for one in reservations for scope in _scope_ids(one)})

    def reserve(self, reservation: Reservation) -> Hold:
        """Grant a reservation.

        Raises `IdempotencyConflict`, `RateLimited`, `QuotaExceeded` and `AmountOverflow`.
        """
        self._claims.check(reservation, self._now)
        included = bool(reservation.instance_id)
        book = INCLUDED if included else in_force(self._books, self._now)
        worst = reservation.worst
        amount = price(book, reservation.kind, reservation.model, reservation.snapshot, worst).amount
        hold = holds.opened(reservation, book.id, amount, self._now, self._expires_at)
        subject, counted = hold.subject, self._counters.tally
        # The load of an instance is its project's to choose, and its time is paid for.
        scopes, state = () if included else _scope_ids(reservation), self._state
        limits = [rule for scope in scopes for rule in state.rate_limits[scope]]
        left = check_rate_limits(limits, counted, subject, worst, self._now)
        budgets = [rule for scope in scopes for rule in state.budgets[scope]]
        check_budgets(budgets, counted, subject, amount, self._now)
        self._counters.add(subject.counters(self._now), hold.counted)
        self._claims.claim(reservation, self._now)
        self._holds[hold.request_id] = hold
        self._new.add(hold.request_id)
        return Hold(reservation.request_id, amount, left, self._now, book.id)

    def settle(self, operation: Settle) -> Charge:
        """Charge what was consumed, even more than was held; a second time changes nothing.

        Raises `ObjectNotFound` without a hold, `AmountOverflow`.
        """
        hold = self._hold(operation.request_id)
        counted = billable(operation.actual, operation.outcome)
        charge = price(self._book(hold.price_book_id), hold.kind, hold.model, hold.snapshot, counted)
        if hold.state == "settled":
            return charge
        closed = replace(
            hold,
            state="settled",
            tokens=counted.tokens,
            audio_milliseconds=counted.audio_milliseconds,
            amount=charge.amount,
            closed_at=self._now,
        )
        record = UsageRecord(hold, operation.actual, operation.outcome, charge, self._now)
        posting = record.posting()
        if posting is not None:
            self._journal.check(posting)
        self._close(hold, closed)
        number = self._journal.append(posting) if posting else 0
        self._usage.append((record, number))
        self._claims.end(hold, "failed" if operation.outcome == "failed" else "done")
        if hold.state == "void" or charge.amount > hold.amount:
            log.warning(
                "settled_over_hold",
                request_id=hold.request_id,
                reason=hold.state,
                held_nano_usd=hold.amount,
                charged_nano_usd=charge.amount,
            )
        return charge

    def release(self, request_id: RequestId) -> None:
        """Void an open hold; one that is closed stays as it is. Raises `ObjectNotFound` without a hold."""
        hold = self._hold(request_id)
        if hold.state == "open":
            nothing = replace(
                hold, state="void", tokens=0, audio_milliseconds=0, amount=0, closed_at=self._now
            )
            self._close(hold, nothing)
            self._claims.end(hold, "failed")

    def post(self, operation: Post) -> int:
        """Post entries; return the transaction's number. Raises `InvalidRequest`, `AmountOverflow`."""
        if operation.once and (known := self._known(operation)):
            return known
        posting = Posting(
            operation.kind, operation.organization_id, operation.reference, operation.entries, self._now
        )
        self._journal.check(posting)
        return self._journal.append(posting)

    def post_time(self, operation: PostTime) -> int:
        """Charge an instance's seconds; return the transaction's number, 0 where they cost nothing.

        Raises `InvalidRequest` for seconds that are paid for already, `AmountOverflow`.
        """
        time = operation.time
        if (known := instance_time.find(self._connection, time)) is not None:
            return known
        posting = instance_time.posting(time, self._now)
        if posting is not None:
            self._journal.check(posting)
        self._counters.add(instance_time.counters(time), Tally(posted=time.nano_usd))
        number = self._journal.append(posting) if posting else 0
        instance_time.write(self._connection, time, number)
        return number

    def reverse(self, operation: Reverse) -> int:
        """Post the opposite of a transaction; return its number. Raises `InvalidRequest`."""
        posting = self._journal.reversal(operation.transaction_id, self._now)
        self._journal.check(posting)
        return self._journal.append(posting)

    def credit_unsent(self, operation: CreditUnsent) -> int:
        """Reverse each charge for a whole answer once, and free its idempotency key; return how many."""
        credited = 0
        for request_id, number in unsent_charges(self._connection, operation.request_ids):
            try:
                self.reverse(Reverse(number))
            except (InvalidRequest, AmountOverflow) as error:
                log.error("unsent_answer_not_credited", request_id=request_id, error=error)  # noqa: TRY400 - not of logging
                continue
            if (hold := self._holds.get(request_id)) is not None:
                self._claims.end(hold, "failed")
            log.warning("unsent_answer_credited", request_id=request_id)
            credited += 1
        return credited

    def flush(self) -> None:
        """Write everything, and keep in mind the holds that are open."""
        closed = [self._holds[one] for one in sorted(self._closed - self._new)]
        holds.write(self._connection, [self._holds[one] for one in sorted(self._new)], closed)
        self._counters.flush(self._connection)
        self._claims.flush(self._connection)
        self._journal.flush()
        usage_events.write(self._connection, self._usage)
        for one in self._ending:
            if (hold := self._holds.get(one)) is not None and hold.state != "open":
                del self._holds[one]

    def _known(self, operation: Post) -> int | None:
        """Return the number of the same posting, of this batch or before it."""
        key = (operation.kind, operation.organization_id, operation.reference)
        return self._journal.find(*key)

    def _restore(self, lost: dict[str, HoldState]) -> None:
        """Grant lost holds again, without a look at the limits: their requests were served."""
        for hold in lost.values():
            if hold.state == "open":
                self._count(hold, hold.counted)
                self._new.add(hold.request_id)

    def _count(self, hold: HoldState, change: Tally) -> None:
        keys = hold.subject.counters(hold.admitted_at)
        if hold.admitted_at < self._oldest_minute:  # minutes that have been swept away stay away
            keys = tuple(key for key in keys if key.period != "minute" or self._counters.tally(key).requests)
        self._counters.add(keys, change)

    def _close(self, hold: HoldState, closed: HoldState) -> None:
        before, after = hold.counted, closed.counted
        change = Tally(
            0,
            after.tokens - before.tokens,
            after.audio_milliseconds - before.audio_milliseconds,
            after.held - before.held,
            after.posted - before.posted,
        )
        self._count(hold, change)
        self._holds[hold.request_id] = closed
        self._closed.add(hold.request_id)

    def _hold(self, request_id: RequestId) -> HoldState:
        hold = self._holds.get(request_id)
        if hold is None:
            raise ObjectNotFound("There is no hold for this request.")
        return hold

    def _book(self, number: int) -> PriceBookVersion:
        return next(book for book in (INCLUDED, *self._books) if book.id == number)


def _scope_ids(reservation: Reservation) -> Sequence[str]:
    caller = reservation.caller
    return caller.org_id, caller.project_id, caller.key_id
