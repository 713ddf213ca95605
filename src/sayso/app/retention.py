"""Opens what keeps content, as the settings say."""

from sayso.config import Settings
from sayso.db.session import Database
from sayso.retention.service import Retention
from sayso.retention.store_secrets import read_key


async def open_retention(settings: Settings, database: Database) -> Retention:
    """Open the key store for a migrated database.

    With `retention_days` 0 it only sweeps what was kept before. Raises `ConfigurationError` for a key or a
    key store that can not be used.
    """
    key = bytes.fromhex(settings.retention_key) or None
    if settings.retention_key_file is not None:
        key = read_key(settings.retention_key_file.expanduser())
    return await Retention.open(
        database,
        settings.retention_keys_dir,
        key_encryption_key=key,
        ceiling_days=settings.retention_days,
    )
