"""Has a running server go by the names in the database as they change."""

import asyncio

from sayso.catalog.catalogue import Catalogue
from sayso.catalog.name_store import load_names
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.telemetry.logging import EventLogger

log = EventLogger("models")

RETRY_SECONDS = 0.5  # where names that have changed could not be read


class NameWatch:
    """Hands names to the catalogue whenever they have changed, also by another server's act."""

    def __init__(self, db: Database, catalogue: Catalogue) -> None:
        self._db = db
        self._catalogue = catalogue
        self._changed = asyncio.Event()
        db.revisions.listen("names", self._changed.set)

    async def refresh(self) -> None:
        """Go by what the database says now. Raises `StorageUnavailable`."""
        async with self._db.read() as session:
            names = await load_names(session)
        self._catalogue.follow(names)

    async def run(self) -> None:
        """Refresh at each change until cancelled; while the database is away, names stay as they were."""
        away = False
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                await self.refresh()
                away = False
            except StorageUnavailable as error:
                if not away:
                    log.warning("names_not_read", error=error)
                away = True
                self._changed.set()
                await asyncio.sleep(RETRY_SECONDS)
