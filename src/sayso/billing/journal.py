"""Double entry: transactions that sum to zero, each chained to the one before by its hash."""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from sqlalchemy import Connection, bindparam, select, text

from sayso.billing import upserts
from sayso.billing.money import checked
from sayso.billing.tables import AccountBalance, LedgerEntry, LedgerTransaction
from sayso.db.prepared import Row
from sayso.errors import InvalidRequest

# As text, for a bound value does not tell the planner that the index of what is no charge will do.
NO_CHARGE = text("ledger_transactions.kind <> 'charge' AND ledger_transactions.kind <> 'instance'")
FIRST_HASH = bytes(32)  # what the first transaction follows

Entries: TypeAlias = tuple[tuple[str, int], ...]
Evidence: TypeAlias = Sequence[str | int]


@dataclass(frozen=True, slots=True)
class Posting:
    """A transaction before it has a number: accounts with amounts, positive for debit.

    `evidence` is what it was computed from; the hash covers it.
    """

    kind: str
    organization_id: str
    reference: str
    entries: Entries
    posted_at: int
    reverses: int | None = None
    evidence: Evidence = ()


def chained(previous: bytes, number: int, posting: Posting) -> bytes:
    """Return the SHA-256 over the hash before and the posting's canonical JSON."""
    content = (
        number,
        posting.kind,
        posting.organization_id,
        posting.reference,
        posting.reverses,
        posting.posted_at,
        posting.entries,
        tuple(posting.evidence),
    )
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(previous + text.encode("ascii")).digest()


def receivable(organization_id: str) -> str:
    """Return the account of what an organization owes."""
    return f"org:{organization_id}:receivable"


def revenue(meter: str) -> str:
    """Return the account of what a meter has earned."""
    return f"revenue:{meter}"


_LAST = select(LedgerTransaction.id, LedgerTransaction.hash).order_by(LedgerTransaction.id.desc()).limit(1)
_BALANCES = select(AccountBalance.account, AccountBalance.balance).where(
    AccountBalance.account.in_(bindparam("accounts", expanding=True))
)
_INSERT_TRANSACTIONS = upserts.inserting(LedgerTransaction)
_INSERT_ENTRIES = upserts.inserting(LedgerEntry)
_WRITE_BALANCES = upserts.upserting(AccountBalance, "replace")


@dataclass(slots=True)
class JournalEnd:
    """Where the ledger ends: the last transaction's number and hash, and balances, as far as known."""

    head: tuple[int, bytes] | None = None
    balances: dict[str, int] = field(default_factory=dict)


class Journal:
    """The ledger's end, as one batch extends it."""

    def __init__(self, connection: Connection, end: JournalEnd) -> None:
        self._connection = connection
        self._end = end
        self._changed: set[str] = set()
        self._transactions: list[Row] = []
        self._entries: list[Row] = []
        self._reversed: set[int] = set()

    def load(self, accounts: Iterable[str]) -> None:
        """Read the balances of `accounts`."""
        balances = self._end.balances
        missing = set(accounts) - balances.keys()
        if missing:
            found = self._connection.execute(_BALANCES, {"accounts": list(missing)})
            balances |= dict.fromkeys(missing, 0) | {row.account: row.balance for row in found}

    def check(self, posting: Posting) -> None:
        """Raise `InvalidRequest` for entries that do not sum to zero, `AmountOverflow` for a balance."""
        if len(posting.entries) < 2 or sum(amount for _, amount in posting.entries) != 0:
            raise InvalidRequest("A transaction has two or more entries that sum to zero.")
        self.load(account for account, _ in posting.entries)
        for balance in self._after(posting).values():
            checked(balance)

    def append(self, posting: Posting) -> int:
        """Add `posting`, which has been checked; return its number."""
        self._end.balances |= self._after(posting)
        self._changed |= {account for account, _ in posting.entries}
        last, previous = self._end.head or self._read_head()
        number = last + 1
        hashed = chained(previous, number, posting)
        self._end.head = (number, hashed)
        self._transactions.append(
            (
                number,
                posting.kind,
                posting.organization_id,
                posting.reference,
                posting.reverses,
                posting.posted_at,
                previous,
                hashed,
            )
        )
        self._entries += [(number, at, *entry) for at, entry in enumerate(posting.entries)]
        if posting.reverses is not None:
            self._reversed.add(posting.reverses)
        return number

    def reversal(self, number: int, posted_at: int) -> Posting:
        """Return the transaction that takes `number` back. Raises `InvalidRequest` where that can not be."""
        query = select(LedgerTransaction.kind, LedgerTransaction.organization_id, LedgerTransaction.reference)
        original = self._connection.execute(query.where(LedgerTransaction.id == number)).one_or_none()
        if original is None or original.kind == "reversal":
            raise InvalidRequest("There is no such transaction that could be reversed.")
        twice = select(LedgerTransaction.id).where(LedgerTransaction.reverses == number)
        if number in self._reversed or self._connection.execute(twice).first() is not None:
            raise InvalidRequest("The transaction has been reversed already.")
        sides = select(LedgerEntry.account, LedgerEntry.amount).where(LedgerEntry.transaction_id == number)
        entries = self._connection.execute(sides.order_by(LedgerEntry.position))
        turned = tuple((account, -amount) for account, amount in entries)
        return Posting(
            "reversal", original.organization_id, original.reference, turned, posted_at, reverses=number
        )

    def find(self, kind: str, organization_id: str, reference: str) -> int | None:
        """Return the number of a transaction that is no charge; None where there is none."""
        sought = (kind, organization_id, reference)
        waiting = (row[0] for row in self._transactions if row[1:4] == sought)
        if (number := next(waiting, None)) is not None:
            return int(number)
        table = LedgerTransaction
        query = select(table.id).where(table.organization_id == organization_id, NO_CHARGE)
        return self._connection.scalar(query.where(table.kind == kind, table.reference == reference))

    def flush(self) -> None:
        """Write what was appended."""
        _INSERT_TRANSACTIONS.run(self._connection, self._transactions)
        _INSERT_ENTRIES.run(self._connection, self._entries)
        changed = [(name, self._end.balances[name]) for name in sorted(self._changed)]
        _WRITE_BALANCES.run(self._connection, changed)

    def _read_head(self) -> tuple[int, bytes]:
        last = self._connection.execute(_LAST).one_or_none()
        return (last.id, last.hash) if last else (0, FIRST_HASH)

    def _after(self, posting: Posting) -> dict[str, int]:
        balances: dict[str, int] = {}
        for account, amount in posting.entries:
            balances[account] = balances.get(account, self._end.balances[account]) + amount
        return balances
