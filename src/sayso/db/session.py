"""The way to the database: short reads, and one writer at a time."""

import asyncio
import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Self

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from sayso.db import sqlite
from sayso.errors import ConfigurationError


class Database:
    """One database, shared by every task of this process, beside other processes."""

    def __init__(self, writer: AsyncEngine, reader: AsyncEngine) -> None:
        self._writer = writer
        self._reader = reader
        self._writing = async_sessionmaker(writer, expire_on_commit=False)
        self._reading = async_sessionmaker(reader, expire_on_commit=False)
        self._turn = asyncio.Lock()
        self._owner: asyncio.Task[object] | None = None

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the SQLite file that `url` names; make it, readable by its owner alone, where it is missing.

        Raises `ConfigurationError` for a URL of another kind and for a folder that can not be written.
        """
        try:
            parsed = make_url(url)
        except ArgumentError:
            raise ConfigurationError("setting 'database_url': not a database URL") from None
        if parsed.get_backend_name() != "sqlite" or not parsed.database or ":memory:" in parsed.database:
            raise ConfigurationError("setting 'database_url': only SQLite files are supported")
        path = Path(parsed.database).absolute()
        _make_private(path)
        location = parsed.set(database=str(path))
        return cls(
            sqlite.create_engine(location, read_only=False), sqlite.create_engine(location, read_only=True)
        )

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[AsyncSession]:
        """Write: all of it is durable when the block ends, none of it when it raises.

        Blocks of this process take turns, so keep them short and await nothing else in one. One block may not
        open another: raises `RuntimeError`.
        """
        task = asyncio.current_task()
        if task is not None and self._owner is task:
            raise RuntimeError("this task is in a transaction already")
        async with self._turn:
            self._owner = task
            try:
                async with self._writing.begin() as session:
                    yield session
            finally:
                self._owner = None

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """Read one consistent state; a write is refused. Keep it short: it holds a connection."""
        async with self._reading() as session:
            yield session

    async def close(self) -> None:
        """Close every connection; wait for the transaction that is open."""
        async with self._turn:
            await self._reader.dispose()
            await self._writer.dispose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _make_private(path: Path) -> None:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # SQLite gives its journals the mode of the database itself.
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise ConfigurationError(f"can not write the database '{path}': {error.strerror}") from None
