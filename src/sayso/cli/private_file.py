"""A file for content: whole or not there, and for its owner's eyes."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from sayso.errors import ConfigurationError


@contextmanager
def private_file(path: Path) -> Generator[TextIO]:
    """Write a text file of mode 0600, which is there once the block has ended well.

    A write that fails midway leaves nothing behind. Raises `ConfigurationError` where it can not be written.
    """
    try:
        descriptor, name = tempfile.mkstemp(dir=path.absolute().parent, prefix=f".{path.name}-")
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise ConfigurationError(f"can not write '{path}': {error.strerror}") from None


@contextmanager
def overwritten(path: Path) -> Generator[None]:
    """Overwrite with zeros what a file held, once the block has ended well and another file has its name."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        yield
        left = os.fstat(descriptor).st_size
        while left > 0:
            left -= os.write(descriptor, bytes(min(left, 1 << 20)))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
