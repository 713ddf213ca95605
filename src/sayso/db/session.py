"""The way to the database: short reads, and one writer at a time."""

import asyncio
import threading
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal, Self, TypeAlias

from sqlalchemy import URL, Engine, make_url, text
from sqlalchemy.exc import ArgumentError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker

from sayso.db import postgresql, sqlite
from sayso.db.revisions import Revisions
from sayso.errors import ConfigurationError, StorageUnavailable

Kind: TypeAlias = Literal["sqlite", "postgresql"]
REACH_SECONDS = 1.0  # a reader that has no connection by then says that the database is away


class Database:
    """One database, shared by every task of this process, beside other processes.

    One process writes at a time, whichever it is: `BEGIN IMMEDIATE` does that in SQLite, an advisory lock
    in PostgreSQL. So a transaction may decide on what it has read. `revisions`, where they are started,
    tell whether what was read still stands.
    """

    def __init__(self, url: URL, kind: Kind) -> None:
        self.kind: Kind = kind
        self._url = url
        self._writer, self._reader = _engines(url, kind)
        self._writing = async_sessionmaker(self._writer, expire_on_commit=False)
        self._reading = async_sessionmaker(self._reader, expire_on_commit=False)
        self._turn = asyncio.Lock()
        self.threads_turn = threading.Lock()  # of the group writers of this process
        self._owner: asyncio.Task[object] | None = None
        self.revisions = Revisions(self.reading_engine)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open what `url` names: a SQLite file, which is made where it is missing, or a PostgreSQL database.

        Connects to nothing yet. Raises `ConfigurationError` for a URL of another kind and for a folder that
        can not be written.
        """
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise ConfigurationError("setting 'database_url': not a database URL") from None
        match parsed.get_backend_name():
            case "sqlite":
                return cls(sqlite.own_file(parsed), "sqlite")
            case "postgresql" | "postgres":
                return cls(parsed.set(drivername=postgresql.DRIVER), "postgresql")
            case _:
                raise ConfigurationError("setting 'database_url': only sqlite:// and postgresql:// are known")

    def sync_engine(self) -> Engine:
        """Return a new engine of one connection that writes, for a thread of its own; the caller disposes it.

        Its transactions take turns with everybody else's, and begin with taking the turn.
        """
        return self._sync_engine(read_only=False)

    def reading_engine(self) -> Engine:
        """Return such an engine whose connection only reads, and takes no turns."""
        return self._sync_engine(read_only=True)

    @asynccontextmanager
    async def transaction(self, *, unhurried: bool = False) -> AsyncGenerator[AsyncSession]:
        """Write: all of it is durable when the block ends, none of it when it raises.

        Blocks take turns, so keep them short and await nothing else in one; `unhurried` lifts PostgreSQL's
        time limits, for migrations. One block may not open another: raises `RuntimeError`. Raises
        `StorageUnavailable`; where the commit itself was cut off, it may have happened.
        """
        task = asyncio.current_task()
        if task is not None and self._owner is task:
            raise RuntimeError("this task is in a transaction already")
        async with self._turn:
            self._owner = task
            try:
                async with self._writing.begin() as session:
                    await session.connection(execution_options={"sayso_unhurried": unhurried})
                    yield session
            finally:
                self._owner = None
        self.revisions.look_soon()

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[AsyncSession]:
        """Read one consistent state; a write is refused. Keep it short: it holds a connection.

        Raises `StorageUnavailable`, within a second where there is no connection to be had.
        """
        async with self._reading() as session:
            try:
                async with asyncio.timeout(REACH_SECONDS if self.kind == "postgresql" else None):
                    await session.connection()
            except (TimeoutError, PoolTimeout) as error:
                raise StorageUnavailable from error
            yield session

    async def clear_log(self) -> bool:
        """Leave nothing that was deleted in SQLite's write-ahead log; False where a reader was in the way.

        PostgreSQL keeps deleted rows and its log for as long as it likes: True, and nothing done.
        """
        if self.kind == "postgresql":
            return True
        return await asyncio.to_thread(sqlite.clear_log, self._url)

    async def failure(self) -> str:
        """Return why nothing can be read now, an empty text where all is well."""
        try:
            async with self.read() as session:
                await session.execute(text("SELECT 1"))
        except StorageUnavailable as error:
            return self.reason(error)
        return ""

    def reason(self, error: StorageUnavailable) -> str:
        """Return what the database said, for operators: never a password."""
        said = str(error.__cause__ or error.message).strip() or type(error.__cause__).__name__
        password = self._url.password
        return said.replace(str(password), "***") if password else said

    async def close(self) -> None:
        """Close every connection; wait for the transaction that is open."""
        await self.revisions.close()
        async with self._turn:
            await self._reader.dispose()
            await self._writer.dispose()

    def _sync_engine(self, *, read_only: bool) -> Engine:
        make = sqlite.sync_engine if self.kind == "sqlite" else postgresql.sync_engine
        return make(self._url, read_only=read_only)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _engines(url: URL, kind: Kind) -> tuple[AsyncEngine, AsyncEngine]:
    make = sqlite.async_engine if kind == "sqlite" else postgresql.async_engine
    return make(url, read_only=False), make(url, read_only=True)
