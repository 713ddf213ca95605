"""Which of the machine's cores are whose."""

import asyncio
from collections.abc import Hashable, Sequence


class CoreBoard:
    """Gives out whole cores; a host that is to take over from another may stand on the other's meanwhile."""

    def __init__(self, cores: Sequence[int]) -> None:
        self._cores = tuple(cores)
        self._held: dict[Hashable, tuple[int, ...]] = {}
        self._given_back = asyncio.Event()

    @property
    def free(self) -> tuple[int, ...]:
        """The cores that nobody holds."""
        held = {core for cores in self._held.values() for core in cores}
        return tuple(core for core in self._cores if core not in held)

    async def take(
        self, holder: Hashable, count: int, *, beside: Sequence[int] = (), patience: float = 0.0
    ) -> tuple[int, ...] | None:
        """Let `holder` have `count` cores, free ones first, then those `beside`.

        Waits for `patience` seconds until there are as many: a host that was replaced has its own for as
        long as it goes on. None where there are fewer even then.
        """
        if count > len(self._cores):
            return None
        try:
            async with asyncio.timeout(patience):
                while len(found := (*self.free, *beside)[:count]) < count:
                    self._given_back.clear()
                    await self._given_back.wait()
        except TimeoutError:
            return None
        self._held[holder] = found
        return found

    def give_back(self, holder: Hashable) -> None:
        """Let go of what `holder` has; nothing where it has nothing."""
        self._held.pop(holder, None)
        self._given_back.set()
