"""How long a request waits for the database before it is refused, over all that it asks of it.

Patience is counted in turns of the event loop. Where the whole machine is short of processors the turns come
late, and the wait grows with them; where the database alone hangs they come on time.
"""

import asyncio
import time
from contextvars import ContextVar
from typing import Any

ADMISSION_SECONDS = 0.7  # from the key to the hold; who has waited so long hears that the storage is away
TURN_SECONDS = 0.05

_waited: ContextVar[float] = ContextVar("waited", default=0.0)


def has_waited(seconds: float) -> None:
    """Note how much of its patience this request's key took."""
    _waited.set(seconds)


def patience_left() -> float:
    """Return how many seconds this request may still wait."""
    return max(0.0, ADMISSION_SECONDS - _waited.get())


async def wait_a_turn(future: "asyncio.Future[Any]") -> float:
    """Wait for `future` for one turn; return the seconds that count. The future is never cancelled."""
    began = time.monotonic()
    await asyncio.wait((future,), timeout=TURN_SECONDS)
    return min(time.monotonic() - began, TURN_SECONDS)


async def wait_patiently(future: "asyncio.Future[Any]") -> float:
    """Wait for `future` until it is done or the patience is used up; return how much of it was."""
    waited = 0.0
    while not future.done() and waited < ADMISSION_SECONDS:
        waited += await wait_a_turn(future)
    return waited
