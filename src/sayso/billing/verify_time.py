"""Compare the time of dedicated instances with what was posted for it."""

from collections import Counter as Multiset
from typing import Any

from sqlalchemy import Connection, select

from sayso.billing import instance_time, upserts
from sayso.billing.counters import CounterKey
from sayso.billing.instance_time import InstanceTime
from sayso.billing.journal import Posting
from sayso.billing.pricing import HOUR_SECONDS
from sayso.billing.tables import InstanceTimeRow


class TimeAudit:
    """What of the ledger is for time, as transactions are read, and at the end whether it is all."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._posted = 0
        self.counted: Multiset[CounterKey] = Multiset()  # nano-dollars, once all is read

    def expected(self, row: Any, sides: tuple[tuple[str, int], ...]) -> Posting | str:
        """Return what the transaction `row` should have posted, or why it should not be there."""
        instance_id, _, started_at = [*row.reference.split(":"), "", ""][:3]
        table = upserts.table_of(InstanceTimeRow)
        query = select(table).where(
            table.c.instance_id == instance_id, table.c.started_at == _number(started_at)
        )
        found = self._connection.execute(query).one_or_none()
        if found is None or found.transaction_id != row.id:
            return "there is no instance's time for this charge"
        self._posted += 1
        expected = instance_time.posting(_time(found), row.posted_at)
        if expected is None or expected.entries != sides or expected.reference != row.reference:
            return "the entries are not what the instance's time costs"
        return expected

    def fault(self) -> tuple[str, str] | None:
        """Return the key of the first time that is wrong, and what is wrong with it."""
        table = upserts.table_of(InstanceTimeRow)
        hour, owed, charged, end = ("", 0), 0, 0, ("", 0)
        for row in self._connection.execute(select(table).order_by(*table.primary_key)):
            time = _time(row)
            key = time.reference
            if (row.transaction_id == 0) != (time.nano_usd == 0):
                return key, "charged, and not posted"
            if end[0] == time.instance_id and time.started_at < end[1]:
                return key, "a part of it is charged twice"
            if hour != (time.instance_id, time.hour):
                hour, owed, charged = (time.instance_id, time.hour), 0, 0
            owed += time.nano_usd_per_hour * time.seconds
            charged += time.nano_usd
            if charged != owed // HOUR_SECONDS:
                return key, f"charged {time.nano_usd}, which is not what its seconds cost"
            end = (time.instance_id, time.ended_at)
            self._posted -= time.nano_usd > 0
            for counter in instance_time.counters(time):
                self.counted[counter] += time.nano_usd
        return ("", f"{abs(self._posted)} charges without their counterpart") if self._posted else None


def _number(text: str) -> int:
    return int(text) if text.isdecimal() else -1


def _time(row: Any) -> InstanceTime:
    return InstanceTime(*(getattr(row, name) for name in InstanceTime.__slots__))
