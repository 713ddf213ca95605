"""Holds of late settlements that the database no longer has."""

from collections.abc import Iterable
from dataclasses import replace

from sqlalchemy import Connection, bindparam, select

from sayso.billing.holds import HoldState
from sayso.billing.tables import UsageEventRow


def find(connection: Connection, missing: Iterable[HoldState]) -> dict[str, HoldState]:
    """Return `missing` by request: as settled where there is a usage event, so that none is charged twice.

    The others were taken back by a power cut, or forgotten long after they ran out.
    """
    lost: dict[str, HoldState] = {hold.request_id: hold for hold in missing}
    if not lost:
        return {}
    settled = connection.scalars(_RECORDED, {"wanted": list(lost)})
    return {**lost, **{key: replace(lost[key], state="settled") for key in settled}}


_RECORDED = select(UsageEventRow.request_id).where(
    UsageEventRow.request_id.in_(bindparam("wanted", expanding=True))
)
