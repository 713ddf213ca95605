"""Holds as rows: the worst case of a request, from its admission to its end."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from typing import Literal

from sqlalchemy import Connection, bindparam, delete, select, update

from sayso.billing import upserts
from sayso.billing.counters import Subject, Tally
from sayso.billing.pricing import Kind
from sayso.billing.reservation import Reservation
from sayso.billing.tables import HoldRow
from sayso.db.prepared import Prepared
from sayso.ids import RequestId

NO_KEY = b""


@dataclass(frozen=True, slots=True)
class HoldState:
    """One row of `holds`; the fields are its columns, in their order."""

    request_id: RequestId
    organization_id: str
    project_id: str
    api_key_id: str
    user_id: str
    endpoint: str
    kind: Kind
    model: str
    snapshot: str
    streamed: int
    price_book_id: int
    idempotency_key: bytes
    state: Literal["open", "settled", "void"]
    tokens: int
    audio_milliseconds: int
    amount: int
    admitted_at: int
    expires_at: int
    closed_at: int | None = None
    instance_id: str = ""

    @property
    def subject(self) -> Subject:
        """Whom the request counts for."""
        return Subject(self.organization_id, self.project_id, self.api_key_id, self.model, self.snapshot)

    @property
    def counted(self) -> Tally:
        """What the counters hold for it: nothing of what an instance's time pays for."""
        if self.instance_id:
            return Tally()
        is_open = self.state == "open"
        return Tally(
            1,
            self.tokens,
            self.audio_milliseconds,
            held=self.amount if is_open else 0,
            posted=0 if is_open else self.amount,
        )


def subject_of(reservation: Reservation) -> Subject:
    """Return whom a request will count for."""
    caller = reservation.caller
    return Subject(caller.org_id, caller.project_id, caller.key_id, reservation.model, reservation.snapshot)


def opened(reservation: Reservation, price_book_id: int, amount: int, now: int, expires_at: int) -> HoldState:
    """Return the hold of a reservation that is granted `now`."""
    caller, claim = reservation.caller, reservation.idempotency
    return HoldState(
        request_id=reservation.request_id,
        organization_id=caller.org_id,
        project_id=caller.project_id,
        api_key_id=caller.key_id,
        user_id=caller.user_id or caller.service_account_id or "",
        endpoint=reservation.endpoint,
        kind=reservation.kind,
        model=reservation.model,
        snapshot=reservation.snapshot,
        streamed=int(reservation.streamed),
        price_book_id=price_book_id,
        idempotency_key=claim.key_hash if claim else NO_KEY,
        state="open",
        tokens=reservation.worst.tokens,
        audio_milliseconds=reservation.worst.audio_milliseconds,
        amount=amount,
        admitted_at=now,
        expires_at=expires_at,
        instance_id=reservation.instance_id,
    )


def load(connection: Connection, request_ids: Iterable[str]) -> dict[str, HoldState]:
    """Return the holds of these requests that there are."""
    wanted = list(request_ids)
    if not wanted:
        return {}
    rows = connection.execute(_HOLDS, {"wanted": wanted})
    return {row.request_id: HoldState(*row) for row in rows}


def stale(connection: Connection, now: int, limit: int) -> dict[str, HoldState]:
    """Return open holds that nobody has kept alive."""
    table = upserts.table_of(HoldRow)
    query = select(*table.columns).where(table.c.state == "open", table.c.expires_at < now)
    rows = connection.execute(query.order_by(table.c.expires_at).limit(limit))
    return {row.request_id: HoldState(*row) for row in rows}


def keep_alive(connection: Connection, request_ids: Sequence[str], expires_at: int) -> None:
    """Let open holds live until `expires_at`."""
    if request_ids:
        change = update(HoldRow).where(HoldRow.request_id.in_(request_ids), HoldRow.state == "open")
        connection.execute(change.values(expires_at=expires_at))


def write(connection: Connection, new: Sequence[HoldState], closed: Sequence[HoldState]) -> None:
    """Insert `new` holds and write how `closed` ones have ended."""
    _INSERT.run(connection, [_row(hold) for hold in new])
    _CLOSE.run(connection, [_end(hold) for hold in closed])


def forget(connection: Connection, closed_before: int, limit: int) -> None:
    """Remove closed holds: their usage events have all that matters."""
    old = select(HoldRow.request_id).where(HoldRow.closed_at < closed_before).limit(limit)
    connection.execute(delete(HoldRow).where(HoldRow.request_id.in_(old)))


_TABLE = upserts.table_of(HoldRow)
_HOLDS = select(*_TABLE.columns).where(_TABLE.c.request_id.in_(bindparam("wanted", expanding=True)))

_row = attrgetter(*(field.name for field in fields(HoldState)))
_INSERT = upserts.inserting(HoldRow)

_ENDS = ("state", "tokens", "audio_milliseconds", "amount", "closed_at")
_end = attrgetter(*_ENDS, "request_id")
_CLOSE = Prepared(
    lambda _: (
        update(_TABLE)
        .where(_TABLE.c.request_id == bindparam("closed_id"))
        .values({name: bindparam(f"new_{name}") for name in _ENDS})
    ),
    [*(f"new_{name}" for name in _ENDS), "closed_id"],
)
