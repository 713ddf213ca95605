"""What money is kept in.

Amounts are nano-dollars and counts are whole numbers, all in signed 64 bits; moments are Unix microseconds,
the starts of periods Unix seconds, both UTC. Empty text stands where an id does not apply, so that it can be
part of a key.

`price_books`, `prices`, `usage_events`, `instance_time`, `ledger_transactions` and `ledger_entries` are
append-only: triggers refuse UPDATE and DELETE. Everything else can be computed from them again
(`sayso.billing.verify`).

Reading at 10 million requests: ask `usage_days`, never `usage_events`, for a month, and `usage_hours` for
what is no whole day. They have one row for each day or hour, project, key, model, ... that was used, are kept
by the transaction that settles, and are clustered by organization and time, so that a month is one range.
`usage_events` has an index by organization and moment for buckets of a minute and for exports. Holds that
are closed and counters of minutes are swept.
"""

from typing import Annotated

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    ForeignKey,
    Index,
    LargeBinary,
    String,
    Text,
)
from sqlalchemy.orm import Mapped, mapped_column

from sayso.db.base import Base
from sayso.db.columns import (
    CLUSTERED,
    NAME_LENGTH,
    WORD_LENGTH,
    Count,
    Id,
    KeyId,
    KeyNumber,
    Moment,
    Serial,
    Word,
    partial_index,
)

Nano = Annotated[int, mapped_column(BigInteger)]
Name = Annotated[str, mapped_column(String(NAME_LENGTH))]
KeyName = Annotated[str, mapped_column(String(NAME_LENGTH), primary_key=True)]
KeyWord = Annotated[str, mapped_column(String(WORD_LENGTH), primary_key=True)]


class PriceBook(Base):
    """A published version of the prices; in force from `effective_from` until a later one is."""

    __tablename__ = "price_books"

    id: Mapped[Serial]
    version: Mapped[str] = mapped_column(String(64), unique=True)
    currency: Mapped[str] = mapped_column(String(3))
    effective_from: Mapped[Moment]
    published_at: Mapped[Moment]
    supersedes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str] = mapped_column(String(64))


class Price(Base):
    """What `unit_size` units of a meter cost; `model` is a snapshot, an alias, or `*chat` and `*speech`."""

    __tablename__ = "prices"
    __table_args__ = CLUSTERED

    price_book_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("price_books.id"), primary_key=True, autoincrement=False
    )
    model: Mapped[KeyName]
    meter: Mapped[KeyWord]
    nano_usd: Mapped[Nano]
    unit_size: Mapped[Count]
    increment: Mapped[Count]
    minimum: Mapped[Count]


class UsageEventRow(Base):
    """What one request consumed, once and for good; quantities as counted, the charge as posted.

    An event whose outcome is `failed` keeps its quantities and is charged nothing. `transaction_id` is 0
    where there was nothing to post. `instance_id` is the dedicated instance that served it, at no price.
    """

    __tablename__ = "usage_events"
    __table_args__ = (
        Index("ix_usage_events_organization_id_admitted_at", "organization_id", "admitted_at"),
        CLUSTERED,
    )

    request_id: Mapped[KeyId]
    organization_id: Mapped[Id]
    project_id: Mapped[Id]
    api_key_id: Mapped[Id]
    user_id: Mapped[Id]
    endpoint: Mapped[Word]
    kind: Mapped[Word]
    model: Mapped[Name]
    snapshot: Mapped[Name]
    streamed: Mapped[int]
    outcome: Mapped[Word]
    prompt_tokens: Mapped[Count]
    completion_tokens: Mapped[Count]
    cached_tokens: Mapped[Count]
    audio_milliseconds: Mapped[Count]
    price_book_id: Mapped[Count]
    charge: Mapped[Nano]
    transaction_id: Mapped[Count]
    admitted_at: Mapped[Moment]
    settled_at: Mapped[Moment]
    instance_id: Mapped[Id] = mapped_column(server_default="")


# Where SQLite's integers overflow they become floating, and greater than this.
_IN_RANGE = " AND ".join(
    f"{name} <= 9223372036854775807"
    for name in (
        "prompt_tokens",
        "completion_tokens",
        "audio_milliseconds",
        "prompt_charge",
        "completion_charge",
        "audio_charge",
    )
)


class _UsageSums:
    """The sum of the usage events that agree in all that the key names.

    `requests` counts those that completed or whose client left; failed ones are in `failed_requests` and in
    nothing else. `audio_seconds` adds up each request's whole seconds (nearest, ties up, at least 1), the
    figure that its answer stated. A charge per meter: `prompt_charge`, `completion_charge`, `audio_charge`.
    """

    organization_id: Mapped[KeyId] = mapped_column(sort_order=-2)  # the period comes next
    project_id: Mapped[KeyId]
    api_key_id: Mapped[KeyId]
    user_id: Mapped[KeyId]
    model: Mapped[KeyName]
    snapshot: Mapped[KeyName]
    endpoint: Mapped[KeyWord]
    price_book_id: Mapped[KeyNumber]
    requests: Mapped[Count]
    failed_requests: Mapped[Count]
    prompt_tokens: Mapped[Count]
    completion_tokens: Mapped[Count]
    cached_tokens: Mapped[Count]
    audio_milliseconds: Mapped[Count]
    audio_seconds: Mapped[Count]
    prompt_charge: Mapped[Nano]
    completion_charge: Mapped[Nano]
    audio_charge: Mapped[Nano]


class UsageHour(_UsageSums, Base):
    """What was admitted in one hour."""

    __tablename__ = "usage_hours"
    __table_args__ = (CheckConstraint(_IN_RANGE, name="in_range"), CLUSTERED)

    hour: Mapped[KeyNumber] = mapped_column(sort_order=-1)


class UsageDay(_UsageSums, Base):
    """What was admitted in one UTC day: the sum of its hours."""

    __tablename__ = "usage_days"
    __table_args__ = (CheckConstraint(_IN_RANGE, name="in_range"), CLUSTERED)

    day: Mapped[KeyNumber] = mapped_column(sort_order=-1)


class HoldRow(Base):
    """The worst case of a request that was admitted: `open`, then `settled` or `void`.

    The quantities and the amount are what the counters hold for it: the worst case while it is open, what
    was billed once it is closed.
    """

    __tablename__ = "holds"
    __table_args__ = (
        partial_index("ix_holds_expires_at", "expires_at", where="state = 'open'"),
        Index("ix_holds_closed_at", "closed_at"),
        CLUSTERED,
    )

    request_id: Mapped[KeyId]
    organization_id: Mapped[Id]
    project_id: Mapped[Id]
    api_key_id: Mapped[Id]
    user_id: Mapped[Id]
    endpoint: Mapped[Word]
    kind: Mapped[Word]
    model: Mapped[Name]
    snapshot: Mapped[Name]
    streamed: Mapped[int]
    price_book_id: Mapped[Count]
    idempotency_key: Mapped[bytes] = mapped_column(LargeBinary(32))
    state: Mapped[Word]
    tokens: Mapped[Count]
    audio_milliseconds: Mapped[Count]
    amount: Mapped[Nano]
    admitted_at: Mapped[Moment]
    expires_at: Mapped[Moment]
    closed_at: Mapped[int | None] = mapped_column(BigInteger)
    instance_id: Mapped[Id] = mapped_column(server_default="")


class LedgerTransaction(Base):
    """Entries that sum to zero. `id` counts without gaps; `hash` covers the entries and `previous_hash`.

    `reference` is the request's id, or whatever else caused it; `reverses` the transaction it takes back.
    """

    __tablename__ = "ledger_transactions"
    __table_args__ = (
        Index("ix_ledger_transactions_organization_id_id", "organization_id", "id"),
        # Credits and what was taken back: a few among millions of charges.
        partial_index(
            "ix_ledger_transactions_no_charge",
            "organization_id",
            where="kind <> 'charge' AND kind <> 'instance'",
        ),
    )

    id: Mapped[Serial]
    kind: Mapped[Word]
    organization_id: Mapped[Id]
    reference: Mapped[str] = mapped_column(String(NAME_LENGTH))
    reverses: Mapped[int | None] = mapped_column(BigInteger, unique=True)
    posted_at: Mapped[Moment]
    previous_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    hash: Mapped[bytes] = mapped_column(LargeBinary(32))


class InstanceTimeRow(Base):
    """Seconds of a dedicated instance that are paid for, once and for good: [`started_at`, `ended_at`).

    They lie within one hour and one configuration. `nano_usd_per_hour` is what an hour of the whole instance
    costs, `nano_usd` what these seconds do; `transaction_id` is 0 where that is nothing.
    """

    __tablename__ = "instance_time"
    __table_args__ = (
        Index("ix_instance_time_organization_id_started_at", "organization_id", "started_at"),
        CLUSTERED,
    )

    instance_id: Mapped[KeyId]
    started_at: Mapped[KeyNumber]
    ended_at: Mapped[Count]
    organization_id: Mapped[Id]
    project_id: Mapped[Id]
    name: Mapped[Name]
    config_version: Mapped[Count]
    price_version: Mapped[str] = mapped_column(String(64))
    nano_usd_per_hour: Mapped[Nano]
    nano_usd: Mapped[Nano]
    transaction_id: Mapped[Count]


class LedgerEntry(Base):
    """One side of a transaction: positive is debit, negative is credit."""

    __tablename__ = "ledger_entries"
    __table_args__ = CLUSTERED

    transaction_id: Mapped[int] = mapped_column(
        BigInteger, ForeignKey("ledger_transactions.id"), primary_key=True, autoincrement=False
    )
    position: Mapped[KeyNumber]
    account: Mapped[str] = mapped_column(String(128))
    amount: Mapped[Nano]


class LedgerVersionRow(Base):
    """One row, whose number changes whenever the ledger, its counters, limits, budgets or prices do."""

    __tablename__ = "ledger_version"

    id: Mapped[Serial]
    version: Mapped[Count]


class AccountBalance(Base):
    """The sum of an account's entries."""

    __tablename__ = "account_balances"
    __table_args__ = CLUSTERED

    account: Mapped[str] = mapped_column(String(128), primary_key=True)
    balance: Mapped[Nano]


class RateLimit(Base):
    """At most `value` of a meter in a minute or a UTC day.

    `scope_kind` is `key`, `project` or `organization`; `model` is empty for all models together; for a
    project it may also be the name that requests use, an alias or a snapshot. `meter` is `requests`,
    `tokens` or `audio_seconds`, `period` `minute` or `day`.
    """

    __tablename__ = "rate_limits"
    __table_args__ = CLUSTERED

    scope_id: Mapped[KeyId]
    scope_kind: Mapped[KeyWord]
    model: Mapped[KeyName]
    meter: Mapped[KeyWord]
    period: Mapped[KeyWord]
    value: Mapped[Count]


class Budget(Base):
    """At most this many nano-dollars in a UTC day (`day`) or month (`month`), open holds included."""

    __tablename__ = "budgets"
    __table_args__ = CLUSTERED

    scope_id: Mapped[KeyId]
    scope_kind: Mapped[KeyWord]
    period: Mapped[KeyWord]
    nano_usd: Mapped[Nano]


class SpendAlert(Base):
    """Tell somebody once a month when the posted charges of a project or organization reach an amount.

    `recipients` is a JSON array of addresses. `raised_month` is the start of the last month that it was
    raised in, 0 before.
    """

    __tablename__ = "spend_alerts"
    __table_args__ = (Index("ix_spend_alerts_scope_id", "scope_id"),)

    id: Mapped[KeyId]
    scope_kind: Mapped[Word]
    scope_id: Mapped[Id]
    nano_usd: Mapped[Nano]
    recipients: Mapped[str] = mapped_column(Text)
    subject_prefix: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    created_at: Mapped[Moment]
    raised_month: Mapped[Count]


class AlertDelivery(Base):
    """An alert that was raised and still has to be told by one channel, `webhook` or `mail`.

    What it says is kept as it was when it was raised. `next_at` is when to try, or to try again.
    """

    __tablename__ = "alert_deliveries"

    alert_id: Mapped[KeyId]
    month_start: Mapped[KeyNumber]
    channel: Mapped[KeyWord]
    scope_kind: Mapped[Word]
    scope_id: Mapped[Id]
    nano_usd: Mapped[Nano]
    posted: Mapped[Nano]
    recipients: Mapped[str] = mapped_column(Text)
    subject_prefix: Mapped[str | None] = mapped_column(String(NAME_LENGTH))
    attempts: Mapped[Count]
    next_at: Mapped[Moment]


class Counter(Base):
    """What a scope has used in a `minute`, `day` or `month`, by the moment of admission.

    Open holds are in `requests`, `tokens` and `audio_milliseconds` with their worst case, in `held` and not
    in `posted`. A project has counters of its own for each name that was asked for and each snapshot.
    """

    __tablename__ = "counters"
    __table_args__ = (
        partial_index("ix_counters_minute", "period_start", where="period = 'minute'"),
        CLUSTERED,
    )

    period_start: Mapped[KeyNumber]
    scope_id: Mapped[KeyId]
    scope_kind: Mapped[KeyWord]
    model: Mapped[KeyName]
    period: Mapped[KeyWord]
    requests: Mapped[Count]
    tokens: Mapped[Count]
    audio_milliseconds: Mapped[Count]
    held: Mapped[Nano]
    posted: Mapped[Nano]


class IdempotencyKey(Base):
    """A caller's promise that requests under one key are the same request.

    `key_hash` and `params_hash` are SHA-256 keyed with the organization; `state` is `claimed`, `done` or
    `failed`.
    """

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index("ix_idempotency_keys_created_at", "created_at"), CLUSTERED)

    organization_id: Mapped[KeyId]
    endpoint: Mapped[KeyWord]
    key_hash: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    params_hash: Mapped[bytes] = mapped_column(LargeBinary(32))
    request_id: Mapped[Id]
    state: Mapped[Word]
    created_at: Mapped[Moment]
