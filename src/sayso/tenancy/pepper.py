"""The secret that stored key digests depend on, in a file beside the database and never in it."""

import os
import secrets
import tempfile
from pathlib import Path

from sqlalchemy import exists, select

from sayso.db.session import Database
from sayso.errors import ConfigurationError
from sayso.tenancy.key_tables import AdminApiKey, ApiKey

FILE_NAME = "key-pepper"
PEPPER_BYTES = 32


async def open_pepper(db: Database, data_dir: Path) -> bytes:
    """Read the pepper, 32 bytes; make it on the first start. The database must be migrated.

    Raises `ConfigurationError` where the file is damaged or open to others, and where it is missing although
    keys exist, because a new one would void them all.
    """
    path = data_dir / FILE_NAME
    if not path.exists():
        async with db.read() as session:
            if await session.scalar(
                select(exists().where(ApiKey.id.is_not(None)) | exists().where(AdminApiKey.id.is_not(None)))
            ):
                raise ConfigurationError(
                    f"'{path}' is missing, and no key of this database works without it: restore it"
                )
        _create(path)
    return _read(path)


def _create(path: Path) -> None:
    """Write a fresh pepper; of processes that do so at once, the first wins."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{FILE_NAME}-")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(PEPPER_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(name, path)
            except FileExistsError:
                return
        finally:
            Path(name).unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(f"can not write '{path}': {error.strerror}") from None


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o007:
            raise ConfigurationError(f"'{path}' is open to everyone on this machine: chmod 600 it")
        pepper = bytes.fromhex(path.read_text("ascii"))
    except OSError as error:
        raise ConfigurationError(f"can not read '{path}': {error.strerror}") from None
    except ValueError:
        pepper = b""
    if len(pepper) != PEPPER_BYTES:
        raise ConfigurationError(f"'{path}' is damaged: restore it")
    return pepper
