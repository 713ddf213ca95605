"""Seconds of a dedicated instance: what is charged for them, and where that is kept."""

from dataclasses import astuple, dataclass

from sqlalchemy import Connection, func, insert, select

from sayso.billing.counters import MICROSECONDS, CounterKey, Period, period_start
from sayso.billing.journal import Posting, receivable, revenue
from sayso.billing.pricing import HOUR_SECONDS
from sayso.billing.tables import InstanceTimeRow
from sayso.errors import InvalidRequest

KIND = "instance"  # of a transaction
_PERIODS: tuple[Period, ...] = ("day", "month")


@dataclass(frozen=True, slots=True)
class InstanceTime:
    """Seconds [`started_at`, `ended_at`) of one instance in one configuration, within one hour of the clock.

    The fields are the columns of the table in their order, but for the transaction.
    """

    instance_id: str
    started_at: int
    ended_at: int
    organization_id: str
    project_id: str
    name: str
    config_version: int
    price_version: str
    nano_usd_per_hour: int
    nano_usd: int

    @property
    def reference(self) -> str:
        """What the ledger calls it."""
        return f"{self.instance_id}:{self.config_version}:{self.started_at}"

    @property
    def seconds(self) -> int:
        """How long it is."""
        return self.ended_at - self.started_at

    @property
    def hour(self) -> int:
        """The start of its hour, in Unix seconds."""
        return self.started_at - self.started_at % HOUR_SECONDS


def counters(time: InstanceTime) -> tuple[CounterKey, ...]:
    """Return what the time counts for: its project and its organization, in its day and its month."""
    scopes = (("project", time.project_id), ("organization", time.organization_id))
    moment = time.started_at * MICROSECONDS
    return tuple(
        CounterKey(period_start(period, moment), scope_id, kind, "", period)
        for period in _PERIODS
        for kind, scope_id in scopes
    )


def time_item(name: str) -> str:
    """Return how an invoice and the costs call an instance's time."""
    return f"dedicated instance {name}"


def posting(time: InstanceTime, posted_at: int) -> Posting | None:
    """Return the transaction to post; None where nothing is charged."""
    if not time.nano_usd:
        return None
    entries = (
        (receivable(time.organization_id), time.nano_usd),
        (revenue("instance_seconds"), -time.nano_usd),
    )
    return Posting(
        KIND, time.organization_id, time.reference, entries, posted_at, evidence=tuple(astuple(time))
    )


def find(connection: Connection, time: InstanceTime) -> int | None:
    """Return the transaction of this time, None where it is not charged yet.

    Raises `InvalidRequest` for time that is no time, is more than an hour's, or was charged in another way.
    """
    if not (time.started_at < time.ended_at <= time.hour + HOUR_SECONDS and time.nano_usd >= 0):
        raise InvalidRequest("An instance's time begins and ends within one hour.")
    table = InstanceTimeRow
    own = table.instance_id == time.instance_id
    columns = (table.ended_at, table.nano_usd, table.transaction_id)
    found = connection.execute(select(*columns).where(own, table.started_at == time.started_at)).one_or_none()
    if found is not None:
        if (found.ended_at, found.nano_usd) != (time.ended_at, time.nano_usd):
            raise InvalidRequest("This time of the instance is charged already, and not like this.")
        return int(found.transaction_id)
    last = connection.scalar(select(func.max(table.ended_at)).where(own))
    if last is not None and last > time.started_at:
        raise InvalidRequest("A part of this time of the instance is charged already.")
    return None


def write(connection: Connection, time: InstanceTime, transaction_id: int) -> None:
    """Keep the time with the number of its transaction."""
    names = InstanceTime.__slots__
    values = {name: getattr(time, name) for name in names}
    connection.execute(insert(InstanceTimeRow), [values | {"transaction_id": transaction_id}])
