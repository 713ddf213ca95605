"""The gateway's own view of itself."""

import asyncio

from sayso.api.services import Readiness as ReadinessReport
from sayso.billing.ledger import Ledger
from sayso.db.session import Database
from sayso.inference.readiness import Readiness


class GatewayHealth:
    """Alive while it runs; ready when database and engines answer and nobody asked it to stop."""

    def __init__(self, readiness: Readiness, database: Database, ledger: Ledger) -> None:
        self._readiness = readiness
        self._database = database
        self._ledger = ledger
        self._draining = False

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
        unreadable, writable = await asyncio.gather(self._database.failure(), self._ledger.writable())
        if unreadable:
            return ReadinessReport(False, {"database": "can not be reached"})
        if not writable:
            return ReadinessReport(False, {"database": "takes no writes"})
        failures = {"database": "", **await self._readiness.failures()}
        return ReadinessReport(not any(failures.values()), failures)
