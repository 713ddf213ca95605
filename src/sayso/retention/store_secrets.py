"""The two secrets of a key store: its identity, and the key that wraps its keys of days."""

from pathlib import Path

from sayso.core.secret_file import SECRET_BYTES, make_secret, read_secret_file

KEY_FILE = "key-encryption-key"
IDENTITY_FILE = "key-store-id"
KEY_BYTES = SECRET_BYTES


def load_or_make(path: Path) -> bytes:
    """Return the 32 bytes in `path`; make them on first use, mode 0600. Of processes at once, one wins.

    Raises `ConfigurationError` where the file is damaged, open to others or can not be written.
    """
    if not path.exists():
        make_secret(path)
    return read_key(path)


def read_key(path: Path) -> bytes:
    """Return the 64 hex digits of a file as 32 bytes.

    Raises `ConfigurationError` where the file is damaged, open to everyone or can not be read.
    """
    return read_secret_file(path, if_damaged=f"it has to hold {2 * KEY_BYTES} hex digits")
