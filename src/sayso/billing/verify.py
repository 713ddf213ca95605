"""Compute everything again, from usage events and prices, and say where the books first disagree."""

from collections import Counter as Multiset
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from sayso.billing import upserts
from sayso.billing.counters import CounterKey, Tally
from sayso.billing.holds import NO_KEY, HoldState
from sayso.billing.journal import FIRST_HASH, Posting, chained
from sayso.billing.price_book import fingerprint, load_books
from sayso.billing.pricing import INCLUDED, PriceBookVersion, price
from sayso.billing.tables import (
    AccountBalance,
    Counter,
    HoldRow,
    LedgerEntry,
    LedgerTransaction,
    PriceBook,
    UsageEventRow,
)
from sayso.billing.usage_events import UsageRecord
from sayso.billing.verify_sums import UsageAudit, events_by_hour, in_chunks, ordered
from sayso.billing.verify_time import TimeAudit
from sayso.core.metering import Quantities, billable
from sayso.db.session import Database


@dataclass(frozen=True, slots=True)
class Divergence:
    """Where the books disagree: a table, the row's key, and what is wrong with it."""

    table: str
    key: str
    reason: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was looked at, and the first divergence, None where all agrees."""

    transactions: int
    usage_events: int
    divergence: Divergence | None


async def verify(database: Database) -> Verification:
    """Recompute the ledger, its balances, the hours of usage and the counters, in one consistent state."""
    async with database.read() as session:
        return await (await session.connection()).run_sync(verify_books)


def verify_books(connection: Connection) -> Verification:
    """Verify what `connection` sees."""
    audit = _Audit(connection)
    steps = (audit.price_books, audit.ledger, audit.usage, audit.instance_time, audit.sums, audit.counters)
    divergence = next((found for step in steps if (found := step()) is not None), None)
    return Verification(audit.transactions, audit.events, divergence)


@dataclass
class _Audit:
    """The sums that come together while the tables are read."""

    connection: Connection
    transactions: int = 0
    events: int = 0
    time: TimeAudit = field(init=False)
    books: dict[int, PriceBookVersion] = field(default_factory=dict[int, PriceBookVersion])
    balances: dict[str, int] = field(default_factory=dict[str, int])
    charged: int = 0
    posted: "Multiset[CounterKey]" = field(default_factory=Multiset)

    def __post_init__(self) -> None:
        self.time = TimeAudit(self.connection)

    def price_books(self) -> Divergence | None:
        """Every version has the prices that were published."""
        published = load_books(self.connection)
        self.books = {book.id: book for book in (INCLUDED, *published)}
        for row in self.connection.execute(select(PriceBook.id, PriceBook.sha256)):
            if fingerprint(self.books[row.id].rows) != row.sha256:
                return Divergence("price_books", str(row.id), "the prices are not those that were published")
        return None

    def ledger(self) -> Divergence | None:
        """Every transaction follows from the one before, sums to zero and has its cause."""
        previous = FIRST_HASH
        for chunk in in_chunks(self.connection, ordered(LedgerTransaction)):
            entries, events = self._entries(chunk), self._events(chunk)
            for row in chunk:
                self.transactions += 1
                sides = entries.get(row.id, ())
                if row.id != self.transactions:
                    return _wrong(row, f"transaction {self.transactions} is missing")
                if len(sides) < 2 or sum(amount for _, amount in sides) != 0:
                    return _wrong(row, "the entries do not sum to zero")
                expected = self._expected(row, sides, events)
                if isinstance(expected, str):
                    return _wrong(row, expected)
                if row.previous_hash != previous or row.hash != chained(previous, row.id, expected):
                    return _wrong(row, "the hash does not follow from the entries and the hash before")
                previous = row.hash
                for account, amount in sides:
                    self.balances[account] = self.balances.get(account, 0) + amount
        return None

    def usage(self) -> Divergence | None:
        """Every event costs what its prices say and is posted once; hours and days are the sums of events."""
        audit = UsageAudit(self.connection)
        for at, rows in events_by_hour(self.connection):
            for row in rows:
                self.events += 1
                if bool(row.instance_id) != (row.price_book_id == INCLUDED.id):
                    return Divergence("usage_events", row.request_id, "it is not priced as what served it")
                record = self._record(row)
                amount = record.charge.amount
                if row.charge != amount or (row.transaction_id == 0) != (amount == 0):
                    reason = f"charged {row.charge}, which should be {amount}, and posted"
                    return Divergence("usage_events", row.request_id, reason)
                self.charged -= amount > 0
                audit.add(record)
            if (fault := audit.end_hour(at)) is not None:
                return Divergence(*fault)
        if (fault := audit.end()) is not None:
            return Divergence(*fault)
        self.posted = audit.posted()
        if self.charged:
            return Divergence("usage_events", "", f"{abs(self.charged)} charges without their counterpart")
        return None

    def instance_time(self) -> Divergence | None:
        """Every second of an instance is charged once, at its price."""
        fault = self.time.fault()
        self.posted.update(self.time.counted)
        return Divergence("instance_time", *fault) if fault else None

    def sums(self) -> Divergence | None:
        """Balances are the sums of their entries."""
        for row in self.connection.execute(select(upserts.table_of(AccountBalance))):
            if self.balances.pop(row.account, 0) != row.balance:
                return Divergence("account_balances", row.account, "not the sum of the entries")
        if any(self.balances.values()):
            return Divergence("account_balances", min(self.balances), "missing")
        return None

    def counters(self) -> Divergence | None:
        """What is held is what open holds hold, what is posted is what was charged; minutes add up."""
        held: Multiset[CounterKey] = Multiset()
        minutes: dict[CounterKey, Tally] = {}
        for chunk in in_chunks(self.connection, ordered(HoldRow)):
            for hold in (HoldState(*row) for row in chunk):
                for key in hold.subject.counters(hold.admitted_at):
                    held[key] += hold.counted.held
                    if key.period == "minute":
                        minutes[key] = minutes.get(key, Tally()).plus(hold.counted)
        width = len(CounterKey._fields)
        for chunk in in_chunks(self.connection, ordered(Counter)):
            for row in chunk:
                key, kept = CounterKey(*row[:width]), Tally(*row[width:])
                if kept.held != held.pop(key, 0):
                    return Divergence("counters", repr(key), "not the sum of the open holds")
                if key.period != "minute" and kept.posted != self.posted.pop(key, 0):
                    return Divergence("counters", repr(key), "not the sum of the charges")
                if key.period == "minute" and kept != minutes.get(key):
                    return Divergence("counters", repr(key), "not the sum of the minute's requests")
        left = (*held.items(), *self.posted.items())
        missing = [key for key, amount in left if amount and key.period != "minute"]  # minutes are swept
        return Divergence("counters", repr(min(missing)), "missing") if missing else None

    def _entries(self, chunk: Sequence[Any]) -> dict[int, tuple[tuple[str, int], ...]]:
        table = upserts.table_of(LedgerEntry)
        query = select(table.c.transaction_id, table.c.account, table.c.amount).order_by(*table.primary_key)
        between = query.where(table.c.transaction_id.between(chunk[0].id, chunk[-1].id))
        found: dict[int, tuple[tuple[str, int], ...]] = {}
        for number, account, amount in self.connection.execute(between):
            found[number] = (*found.get(number, ()), (account, amount))
        return found

    def _events(self, chunk: Sequence[Any]) -> dict[str, Any]:
        table = upserts.table_of(UsageEventRow)
        causes = [row.reference for row in chunk if row.kind == "charge"]
        query = select(table).where(table.c.request_id.in_(causes))
        return {row.request_id: row for row in self.connection.execute(query)}

    def _expected(
        self, row: Any, sides: tuple[tuple[str, int], ...], events: dict[str, Any]
    ) -> Posting | str:
        """Return what `row` should have posted, or why it should not be there."""
        posted = Posting(
            row.kind, row.organization_id, row.reference, sides, row.posted_at, reverses=row.reverses
        )
        if row.kind == "reversal":
            table = upserts.table_of(LedgerEntry)
            query = select(table.c.account, table.c.amount).where(table.c.transaction_id == row.reverses)
            original = self.connection.execute(query.order_by(table.c.position))
            turned = tuple((account, -amount) for account, amount in original)
            return posted if turned == sides else "it does not take back what it reverses"
        if row.kind == "instance":
            return self.time.expected(row, sides)
        if row.kind != "charge":
            return posted
        event = events.get(row.reference)
        if event is None or event.transaction_id != row.id:
            return "there is no usage event for this charge"
        self.charged += 1
        expected = self._record(event).posting()
        if expected is None or expected.entries != sides or expected.posted_at != row.posted_at:
            return "the entries are not what the usage event costs"
        return expected

    def _record(self, row: Any) -> UsageRecord:
        actual = Quantities(
            row.prompt_tokens, row.completion_tokens, row.cached_tokens, row.audio_milliseconds
        )
        counted = billable(actual, row.outcome)
        charge = price(self.books[row.price_book_id], row.kind, row.model, row.snapshot, counted)
        hold = HoldState(
            row.request_id,
            row.organization_id,
            row.project_id,
            row.api_key_id,
            row.user_id,
            row.endpoint,
            row.kind,
            row.model,
            row.snapshot,
            row.streamed,
            row.price_book_id,
            NO_KEY,
            "settled",
            counted.tokens,
            counted.audio_milliseconds,
            row.charge,
            row.admitted_at,
            expires_at=0,
            instance_id=row.instance_id,
        )
        return UsageRecord(hold, actual, row.outcome, charge, row.settled_at)


def _wrong(row: Any, reason: str) -> Divergence:
    return Divergence("ledger_transactions", str(row.id), reason)
