"""Has a running server go by the names in the database as they change."""

import asyncio

from sayso.catalog.catalogue import Catalogue
from sayso.catalog.name_store import load_names, names_version
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.telemetry.logging import EventLogger

log = EventLogger("models")

WATCH_SECONDS = 0.5  # between two looks: how long another server's act may take to be followed


class NameWatch:
    """Looks for changes of names every half second, and hands them to the catalogue."""

    def __init__(self, db: Database, catalogue: Catalogue) -> None:
        self._db = db
        self._catalogue = catalogue
        self._version: int | None = None

    async def refresh(self) -> None:
        """Go by what the database says now. Raises `StorageUnavailable`."""
        async with self._db.read() as session:
            version = await names_version(session)
            if version == self._version:
                return
            names = await load_names(session)
        self._catalogue.follow(names)
        self._version = version

    async def run(self) -> None:
        """Refresh until cancelled; while the database is away, names stay as they were."""
        away = False
        while True:
            try:
                await self.refresh()
                away = False
            except StorageUnavailable as error:
                if not away:
                    log.warning("names_not_read", error=error)
                away = True
            await asyncio.sleep(WATCH_SECONDS)
