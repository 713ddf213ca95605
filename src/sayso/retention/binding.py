"""Which key store a database's content is encrypted with: another one would have none of the keys."""

from sqlalchemy import select

from sayso.db.session import Database
from sayso.errors import ConfigurationError
from sayso.retention.key_store import KeyStore
from sayso.retention.tables import KeyStoreRow


async def bind_key_store(db: Database, keys: KeyStore, *, now: int, replace: bool = False) -> None:
    """Tie the database to this key store the first time; later make sure that it is the same one.

    `replace` is for an operator who has lost the old store: its content stays unreadable and the sweep
    removes it. Raises `ConfigurationError` for another store without it. `now` is in Unix microseconds.
    """
    async with db.transaction() as session:
        current = await session.scalar(select(KeyStoreRow).where(KeyStoreRow.replaced_at.is_(None)))
        if current is not None and current.id == keys.fingerprint:
            return
        if current is not None:
            if not replace:
                raise ConfigurationError(
                    f"'{keys.folder}' is not the key store that this database's content is encrypted with: "
                    "every gateway of one database needs the same"
                )
            current.replaced_at = now
        known = await session.get(KeyStoreRow, keys.fingerprint)
        if known is not None:
            known.replaced_at = None
        else:
            session.add(KeyStoreRow(id=keys.fingerprint, first_used_at=now, replaced_at=None))
