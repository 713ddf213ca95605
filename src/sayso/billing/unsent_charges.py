"""Charges for whole answers that never left, to be taken back."""

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, select

from sayso.billing import upserts
from sayso.billing.tables import LedgerTransaction, UsageEventRow


def unsent_charges(connection: Connection, request_ids: Sequence[str]) -> list[tuple[str, int]]:
    """Return those of the requests whose whole answer is charged, with the transaction, in its order.

    Not among them are streams, requests that ended otherwise, and what was taken back before.
    """
    rows = connection.execute(_CHARGES, {"wanted": list(request_ids)})
    return [(row.request_id, row.transaction_id) for row in rows]


_EVENTS, _POSTED = upserts.table_of(UsageEventRow), upserts.table_of(LedgerTransaction)
_CHARGES = (
    select(_EVENTS.c.request_id, _EVENTS.c.transaction_id)
    .outerjoin(_POSTED, _POSTED.c.reverses == _EVENTS.c.transaction_id)
    .where(_EVENTS.c.request_id.in_(bindparam("wanted", expanding=True)))
    .where(_EVENTS.c.streamed == 0, _EVENTS.c.outcome == "completed", _EVENTS.c.transaction_id > 0)
    .where(_POSTED.c.id.is_(None))
    .order_by(_EVENTS.c.transaction_id)
)
