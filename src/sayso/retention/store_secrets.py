"""The two secrets of a key store: its identity, and the key that wraps its keys of days."""

import os
import secrets
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

from sayso.errors import ConfigurationError

KEY_FILE = "key-encryption-key"
IDENTITY_FILE = "key-store-id"
KEY_BYTES = 32


def load_or_make(path: Path) -> bytes:
    """Return the 32 bytes in `path`; make them on first use, mode 0600. Of processes at once, one wins.

    Raises `ConfigurationError` where the file is damaged, open to others or can not be written.
    """
    if not path.exists():
        _make(path)
    return read_key(path)


def read_key(path: Path) -> bytes:
    """Return the 64 hex digits of a file as 32 bytes.

    Raises `ConfigurationError` where the file is damaged, open to everyone or can not be read.
    """
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise ConfigurationError(f"'{path}' is open to everyone on this machine: chmod 600 it")
        key = bytes.fromhex(path.read_text("ascii"))
    except OSError as error:
        raise ConfigurationError(f"can not read '{path}': {error.strerror}") from None
    except ValueError:
        key = b""
    if len(key) != KEY_BYTES:
        raise ConfigurationError(f"'{path}' is damaged: it has to hold {2 * KEY_BYTES} hex digits")
    return key


def _make(path: Path) -> None:
    try:
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(KEY_BYTES) + "\n")
                file.flush()
                os.fsync(file.fileno())
            with suppress(FileExistsError):
                os.link(name, path)
        finally:
            Path(name).unlink()
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise ConfigurationError(f"can not write '{path}': {error.strerror}") from None
