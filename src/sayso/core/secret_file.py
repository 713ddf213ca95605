"""Files that hold a secret of 32 bytes, as 64 hex digits, for their owner's eyes."""

import os
import secrets
import tempfile
from contextlib import suppress
from pathlib import Path

from sayso.errors import ConfigurationError

SECRET_BYTES = 32


def make_secret(path: Path) -> None:
    """Write a fresh secret, mode 0600, and its folder where that is missing; of processes at once, one wins.

    Raises `ConfigurationError` where it can not be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(SECRET_BYTES) + "\n")
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


def read_secret_file(path: Path, *, if_damaged: str) -> bytes:
    """Return the 32 bytes of a secret; `if_damaged` says what is to be done about a file that has none.

    Raises `ConfigurationError` where the file is damaged, open to everyone or can not be read.
    """
    try:
        if path.stat().st_mode & 0o007:
            raise ConfigurationError(f"'{path}' is open to everyone on this machine: chmod 600 it")
        secret = bytes.fromhex(path.read_text("ascii"))
    except OSError as error:
        raise ConfigurationError(f"can not read '{path}': {error.strerror}") from None
    except ValueError:
        secret = b""
    if len(secret) != SECRET_BYTES:
        raise ConfigurationError(f"'{path}' is damaged: {if_damaged}")
    return secret
