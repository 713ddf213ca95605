"""The gateway's own view of itself."""

from sayso.api.services import Readiness as ReadinessReport
from sayso.db.session import Database
from sayso.inference.readiness import Readiness


class GatewayHealth:
    """Alive while it runs; ready when database and engines answer and nobody asked it to stop."""

    def __init__(self, readiness: Readiness, database: Database) -> None:
        self._readiness = readiness
        self._database = database
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
        """Ask the database, and probe the engines or remember that they were probed a moment ago."""
        if self._draining:
            return ReadinessReport(False, {"gateway": "draining"})
        if await self._database.failure():
            # What the database said may name hosts and users; this page is open to everybody.
            return ReadinessReport(False, {"database": "can not be reached"})
        failures = {"database": "", **await self._readiness.failures()}
        return ReadinessReport(not any(failures.values()), failures)
