"""What is known of the request in hand, shared by the middleware and the endpoints."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from starlette.types import Scope

from sayso.catalog.names import Deprecation
from sayso.core.rate_limits import UNLIMITED, RateLimitState
from sayso.ids import InstanceId, KeyId, RequestId

SCOPE_KEY = "sayso.request"


@dataclass(slots=True)
class RequestContext:
    """Filled in while the request advances. `started` is in seconds of the performance counter.

    `rate_limits` is what admission left of the caller's limits; `instance` is the dedicated instance that
    serves the request, `spilled` tells that one had no room for it, and `fingerprint` is of what answers;
    `deprecation` is what is said of the end of the model that the request named.
    """

    request_id: RequestId
    started: float
    key_id: KeyId | None = None
    organization: str | None = None
    rate_limits: RateLimitState = UNLIMITED
    instance: InstanceId | None = None
    spilled: bool = False
    fingerprint: str = ""
    deprecation: Deprecation | None = None
    status: int = 0


class Ending(Protocol):
    """What was found under a model's name."""

    @property
    def deprecation(self) -> Deprecation | None:
        """What is said of the end of that name."""
        ...


Found = TypeVar("Found", bound=Ending)


def request_context(scope: Scope) -> RequestContext:
    """Return the context that the middleware put into `scope`."""
    context: RequestContext = scope[SCOPE_KEY]
    return context


def noted(scope: Scope, found: Found) -> Found:
    """Have the answer say what there is to say of the end of a model, and return what was found."""
    request_context(scope).deprecation = found.deprecation
    return found
