"""What admission asks of the ledger, and what it gets."""

from dataclasses import dataclass

from sayso.billing.pricing import Kind
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.core.rate_limits import UNLIMITED, RateLimitState
from sayso.ids import RequestId


@dataclass(frozen=True, slots=True)
class IdempotencyClaim:
    """A caller's idempotency key and the request under it, each as 32 bytes of SHA-256."""

    key_hash: bytes
    params_hash: bytes


@dataclass(frozen=True, slots=True)
class Reservation:
    """A request before its work begins. `worst` is the most that it can consume.

    `instance_id` is the dedicated instance that serves it, whose time has paid for it; empty for all that is
    paid by what it consumes, spilled requests too.
    """

    request_id: RequestId
    caller: Caller
    endpoint: str
    kind: Kind
    model: str
    snapshot: str
    streamed: bool
    worst: Quantities
    idempotency: IdempotencyClaim | None = None
    instance_id: str = ""


@dataclass(frozen=True, slots=True)
class Hold:
    """A reservation that was granted: nano-dollars held, and what is left of the limits.

    `admitted_at` is in Unix microseconds, `price_book_id` the version in force then.
    """

    request_id: RequestId
    amount: int
    rate_limits: RateLimitState = UNLIMITED
    admitted_at: int = 0
    price_book_id: int = 0
