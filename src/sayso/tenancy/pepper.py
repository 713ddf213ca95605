"""The secret that stored key digests depend on, in a file beside the database and never in it."""

import hmac
from pathlib import Path

from sqlalchemy import exists, select

from sayso.core.secret_file import make_secret, read_secret_file
from sayso.db.session import Database
from sayso.errors import ConfigurationError
from sayso.tenancy.key_tables import AdminApiKey, ApiKey, KeyPepper

FILE_NAME = "key-pepper"
_FINGERPRINTED = b"sayso: fingerprint of the key pepper"  # no key begins like this


async def open_pepper(db: Database, data_dir: Path) -> bytes:
    """Read the pepper, 32 bytes; make it on the first start. The database must be migrated.

    Raises `ConfigurationError` where the file is damaged or open to others, where it is not the one that the
    database's keys were made with, and where it is missing although there are keys or another server has
    one, because a new one would void all keys.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        async with db.read() as session:
            # A process that starts beside this one may just have made the file.
            if await session.scalar(_IN_USE) and not path.exists():
                raise ConfigurationError(
                    f"'{path}' is missing, and no key of this database works without it: restore it, "
                    "or copy it from another server of this database"
                )
        make_secret(path)
    pepper = read_secret_file(path, if_damaged="restore it")
    if not await _is_that_of(db, pepper):
        raise ConfigurationError(
            f"'{path}' is not the secret that the keys of this database were made with, none of which would "
            "work: copy the file from another server of this database"
        )
    return pepper


_KNOWN = select(KeyPepper.fingerprint)
_IN_USE = select(
    exists().where(ApiKey.id.is_not(None))
    | exists().where(AdminApiKey.id.is_not(None))
    | exists().where(KeyPepper.id.is_not(None))
)


async def _is_that_of(db: Database, pepper: bytes) -> bool:
    """Tell whether the database knows this pepper; the first one that it is shown it knows from then on."""
    fingerprint = hmac.digest(pepper, _FINGERPRINTED, "sha256").hex()
    async with db.read() as session:
        known = await session.scalar(_KNOWN)
    if known is None:
        async with db.transaction() as session:
            known = await session.scalar(_KNOWN)  # another server may have been first
            if known is None:
                session.add(KeyPepper(id=1, fingerprint=fingerprint))
                return True
    return hmac.compare_digest(known, fingerprint)
