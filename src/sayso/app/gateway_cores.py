"""Where the server's own threads run, on a machine that has dedicated instances."""

import asyncio
from typing import Final

from sayso.core.cores import stay_on
from sayso.dedicated.fleet import Fleet

LOOK_SECONDS: Final = 1.0


class GatewayCores:
    """Keeps the gateway on the cores of those who make work for it.

    These are the shared pool's, and those of an instance while more is asked of it than it takes: what the
    gateway does for a flood is not the pool's to carry alone. An instance that is not flooded has its cores
    to itself.
    """

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet
        self._now: frozenset[int] = frozenset()

    def look(self) -> None:
        """Go where the gateway belongs now; what it starts meanwhile inherits that."""
        wanted = self._fleet.crowded_cores(LOOK_SECONDS).union(self._fleet.machine.pool_cores)
        if wanted != self._now and stay_on(wanted, every_thread=True):
            self._now = wanted

    async def run(self) -> None:
        """Look regularly, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            self.look()
