"""Requests under one idempotency key are one request: run once, charged once."""

from collections.abc import Iterable
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal, NamedTuple

from sqlalchemy import Connection, delete, select

from sayso.billing import upserts
from sayso.billing.holds import NO_KEY, HoldState
from sayso.billing.reservation import Reservation
from sayso.billing.tables import IdempotencyKey
from sayso.errors import IdempotencyConflict

KEPT_SECONDS = 86_400

State = Literal["claimed", "done", "failed"]


class ClaimKey(NamedTuple):
    """What a key is unique in."""

    organization_id: str
    endpoint: str
    key_hash: bytes


@dataclass(frozen=True, slots=True)
class Claim:
    """Which request has a key, and how it went. `created_at` is in microseconds."""

    params_hash: bytes
    request_id: str
    state: State
    created_at: int


class Claims:
    """The keys that one batch touches."""

    def __init__(self) -> None:
        self._claims: dict[ClaimKey, Claim] = {}
        self._changed: set[ClaimKey] = set()

    def load(self, connection: Connection, keys: Iterable[ClaimKey]) -> None:
        """Read the claims on `keys`."""
        wanted = set(keys)
        if wanted:
            table = upserts.table_of(IdempotencyKey)
            query = select(*table.columns).where(
                table.c.organization_id.in_({key.organization_id for key in wanted}),
                table.c.endpoint.in_({key.endpoint for key in wanted}),
                table.c.key_hash.in_({key.key_hash for key in wanted}),
            )
            for row in connection.execute(query):
                self._claims[ClaimKey(*row[:3])] = Claim(*row[3:])

    def check(self, reservation: Reservation, now: int) -> None:
        """Raise `IdempotencyConflict` where the key is taken; one whose request failed is free again."""
        key = key_of(reservation)
        known = self._claims.get(key) if key else None
        if known is None or reservation.idempotency is None:
            return
        if known.created_at < now - KEPT_SECONDS * 1_000_000:
            return
        if known.params_hash != reservation.idempotency.params_hash:
            raise IdempotencyConflict(
                "This idempotency key was used for a request with other parameters.",
                code="idempotency_key_reused",
                request_id=known.request_id,
            )
        if known.state == "claimed":
            raise IdempotencyConflict(
                "A request with this idempotency key is being answered. Please retry shortly.",
                code="idempotency_in_progress",
                request_id=known.request_id,
                retry=True,
            )
        if known.state == "done":
            raise IdempotencyConflict(
                f"The request with this idempotency key was answered as {known.request_id}; its answer is "
                "not kept. It was charged once.",
                code="idempotency_replay_unavailable",
                request_id=known.request_id,
            )

    def claim(self, reservation: Reservation, now: int) -> None:
        """Give the reservation its key, which has been checked."""
        key = key_of(reservation)
        if key and reservation.idempotency:
            claim = Claim(reservation.idempotency.params_hash, reservation.request_id, "claimed", now)
            self._claims[key] = claim
            self._changed.add(key)

    def end(self, hold: HoldState, state: State) -> None:
        """Write down how the request that holds a key has ended."""
        key = held_key(hold)
        known = self._claims.get(key) if key else None
        if key and known and known.request_id == hold.request_id:
            self._claims[key] = Claim(known.params_hash, known.request_id, state, known.created_at)
            self._changed.add(key)

    def flush(self, connection: Connection) -> None:
        """Write what has changed."""
        _WRITE.run(connection, [(*key, *_values(self._claims[key])) for key in sorted(self._changed)])


_values = attrgetter(*Claim.__slots__)
_WRITE = upserts.upserting(IdempotencyKey, "replace")


def key_of(reservation: Reservation) -> ClaimKey | None:
    """Return the key that a reservation claims."""
    if reservation.idempotency is None:
        return None
    return ClaimKey(reservation.caller.org_id, reservation.endpoint, reservation.idempotency.key_hash)


def held_key(hold: HoldState) -> ClaimKey | None:
    """Return the key that a hold has claimed."""
    if hold.idempotency_key == NO_KEY:
        return None
    return ClaimKey(hold.organization_id, hold.endpoint, hold.idempotency_key)


def forget(connection: Connection, created_before: int) -> None:
    """Remove claims whose time is over."""
    connection.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < created_before))
