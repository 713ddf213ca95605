"""Whose request starts next: shares take turns, whatever the length of their queues."""

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

Waiting = TypeVar("Waiting")

_REMEMBERED = 1024  # shares


class Turns(Generic[Waiting]):
    """Puts those who wait in the order in which they start.

    The share that has not started anything for the longest time is next; within a share, and among shares
    that never started anything, who came first.
    """

    def __init__(self, share: Callable[[Waiting], str]) -> None:
        self._share = share
        self._started: dict[str, int] = {}
        self._count = 0

    def order(self, waiting: Iterable[Waiting]) -> Iterator[Waiting]:
        """Yield them one round after the other, each share once a round."""
        queues: dict[str, list[Waiting]] = {}
        for one in waiting:
            queues.setdefault(self._share(one), []).append(one)
        shares = sorted(queues, key=lambda share: self._started.get(share, 0))  # stable: then as they came
        for turn in range(max((len(queue) for queue in queues.values()), default=0)):
            for share in shares:
                if turn < len(queues[share]):
                    yield queues[share][turn]

    def note(self, started: Waiting) -> None:
        """Remember that one of its share has started."""
        share = self._share(started)
        self._started.pop(share, None)
        self._count += 1
        self._started[share] = self._count
        if len(self._started) > _REMEMBERED:
            del self._started[next(iter(self._started))]
