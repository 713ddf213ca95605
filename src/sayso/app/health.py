"""The gateway's own view of itself."""

import asyncio

from sayso.api.services import Readiness as ReadinessReport
from sayso.billing.ledger import Ledger
from sayso.core.patience import wait_patiently
from sayso.db.session import Database
from sayso.inference.readiness import Readiness


class GatewayHealth:
    """Alive while it runs; ready when database and engines answer and nobody asked it to stop."""

    def __init__(self, readiness: Readiness, database: Database, ledger: Ledger) -> None:
        self._readiness = readiness
        self._database = database
        self._ledger = ledger
        self._draining = False
        self._reading: asyncio.Task[str] | None = None

    @property
    def draining(self) -> bool:
        """True from the moment that new work is refused."""
        return self._draining

    def drain(self) -> None:
        """Stop being ready."""
        self._draining = True

    def live(self) -> bool:
        """Return True: whoever can ask has a live event loop to answer."""
        return True

    async def ready(self) -> ReadinessReport:
        """Ask database and engines, or remember what these said a moment ago."""
        if self._draining:
            return ReadinessReport(False, {"gateway": "draining"})
        # What the database said may name hosts and users; this page is open to everybody.
        readable, writable = await asyncio.gather(self._readable(), self._ledger.writable())
        if not readable:
            return ReadinessReport(False, {"database": "can not be reached"})
        if not writable:
            return ReadinessReport(False, {"database": "takes no writes"})
        failures = {"database": "", **await self._readiness.failures()}
        return ReadinessReport(not any(failures.values()), failures)

    async def _readable(self) -> bool:
        """Ask in a task of its own: a database that hangs does not even let go of who gives up."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._database.failure())
        reading = self._reading
        await wait_patiently(reading)
        return reading.done() and not reading.result()
