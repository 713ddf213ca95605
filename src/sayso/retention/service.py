"""All of the data promise in one object, as a gateway has it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sayso.db.session import Database
from sayso.retention.binding import bind_key_store
from sayso.retention.clock import wall_clock
from sayso.retention.key_store import KeyStore
from sayso.retention.policy import DEFAULT_DAYS
from sayso.retention.reading import RetentionReader
from sayso.retention.store import RetentionStore
from sayso.retention.sweep import Sweeper

FOLDER_NAME = "retention-keys"  # in the data folder


@dataclass(frozen=True, slots=True)
class Retention:
    """The key store, the way in, the way out, and the sweep."""

    database: Database
    keys: KeyStore
    store: RetentionStore
    reader: RetentionReader
    sweeper: Sweeper

    @classmethod
    async def open(
        cls,
        db: Database,
        folder: Path,
        *,
        key_encryption_key: bytes | None = None,
        ceiling_days: int = DEFAULT_DAYS,
        replace_key_store: bool = False,
        clock: Callable[[], int] = wall_clock,
    ) -> Self:
        """Open the key store in `folder` for a migrated database.

        `ceiling_days` (0 to 30) is the most that the operator allows. Raises `ConfigurationError` for a key
        store that is damaged, open to others, or not this database's (see `bind_key_store`).
        """
        keys = KeyStore.open(folder, key_encryption_key)
        await bind_key_store(db, keys, now=clock(), replace=replace_key_store)
        return cls(
            db,
            keys,
            RetentionStore.open(db, keys, ceiling_days=ceiling_days, clock=clock),
            RetentionReader(db, keys, clock=clock),
            Sweeper(db, keys, ceiling_days=ceiling_days, clock=clock),
        )

    def start(self) -> None:
        """Begin to write and to sweep."""
        self.store.start()
        self.sweeper.start()

    async def close(self) -> None:
        """Write what waits, then stop."""
        await self.sweeper.close()
        await self.store.close()
        self.keys.close()
