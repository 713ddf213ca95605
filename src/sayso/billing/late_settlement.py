"""A settlement that had to wait for the database, as a line of text."""

import json
from dataclasses import dataclass, fields, replace
from typing import Self

from sayso.billing.holds import HoldState, opened
from sayso.billing.reservation import Hold, Reservation
from sayso.core.metering import Outcome, Quantities


@dataclass(frozen=True, slots=True)
class LateSettlement:
    """What a request consumed, and the hold that it was granted: a power cut may have taken that back.

    Ids and counts only: nothing of what was asked or answered.
    """

    hold: HoldState
    actual: Quantities
    outcome: Outcome

    @classmethod
    def of(cls, hold: Hold, reservation: Reservation, actual: Quantities, outcome: Outcome) -> Self:
        """Return the settlement of a request that was granted `hold`."""
        granted = opened(reservation, hold.price_book_id, hold.amount, hold.admitted_at, hold.admitted_at)
        return cls(granted, actual, outcome)

    def encode(self) -> bytes:
        """Return it as one line of JSON."""
        hold = {name: getattr(self.hold, name) for name in HoldState.__slots__}
        actual = {field.name: getattr(self.actual, field.name) for field in fields(Quantities)}
        values = {
            "hold": hold | {"idempotency_key": self.hold.idempotency_key.hex()},
            "actual": actual,
            "outcome": self.outcome,
        }
        return json.dumps(values, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, line: bytes) -> Self:
        """Read what `encode` wrote. Raises `ValueError`."""
        try:
            values = json.loads(line)
            hold = HoldState(**values["hold"])
            key = bytes.fromhex(values["hold"]["idempotency_key"])
            return cls(replace(hold, idempotency_key=key), Quantities(**values["actual"]), values["outcome"])
        except (KeyError, TypeError) as error:
            raise ValueError("not a settlement") from error
