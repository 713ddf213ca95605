"""How long a request waits for the database before it is refused, over all that it asks of it."""

from contextvars import ContextVar

ADMISSION_SECONDS = 0.7  # from the key to the hold; who has waited so long hears that the storage is away

_waited: ContextVar[float] = ContextVar("waited", default=0.0)


def has_waited(seconds: float) -> None:
    """Note how long this request's key took."""
    _waited.set(seconds)


def patience_left() -> float:
    """Return how many seconds this request may still wait."""
    return max(0.0, ADMISSION_SECONDS - _waited.get())
