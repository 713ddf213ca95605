"""What is known of the request in hand, shared by the middleware and the endpoints."""

from dataclasses import dataclass

from starlette.types import Scope

from sayso.core.rate_limits import UNLIMITED, RateLimitState
from sayso.ids import KeyId, RequestId

SCOPE_KEY = "sayso.request"


@dataclass(slots=True)
class RequestContext:
    """Filled in while the request advances. `started` is in seconds of the performance counter.

    `rate_limits` is what admission left of the caller's limits.
    """

    request_id: RequestId
    started: float
    key_id: KeyId | None = None
    organization: str | None = None
    rate_limits: RateLimitState = UNLIMITED
    status: int = 0


def request_context(scope: Scope) -> RequestContext:
    """Return the context that the middleware put into `scope`."""
    context: RequestContext = scope[SCOPE_KEY]
    return context
