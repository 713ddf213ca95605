"""Many rows into a table at once, the way each database takes them fastest."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeAlias

import psycopg
from sqlalchemy import Table, make_url

from sayso.db.sqlite import driver

Row: TypeAlias = tuple[Any, ...]  # of text, whole numbers, bytes and None
_BYTES_OF_CACHE = 256 * 2**20


class Loader(Protocol):
    """Takes rows whose values are in the order of the table's columns; triggers stay on."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def load(self, table: Table, rows: Sequence[Row]) -> None:
        """Append `rows`; durable once the block has ended."""

    def settle(self) -> None:
        """Do at once what the database does in the background after so many rows."""


def loader(url: str) -> Loader:
    """Return what fills the database at `url`, which has the schema already."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqliteLoader(Path(parsed.database or ""))
    return PostgresqlLoader(url)


class SqliteLoader:
    """One connection that does not wait for the disk until the end."""

    def __init__(self, file: Path) -> None:
        self._connection: Any = driver().module.connect(file, isolation_level=None)
        for pragma in ("synchronous = OFF", f"cache_size = -{_BYTES_OF_CACHE // 1024}"):
            self._connection.execute(f"PRAGMA {pragma}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._connection.close()

    def load(self, table: Table, rows: Sequence[Row]) -> None:
        """Append `rows` in one transaction."""
        places = ", ".join("?" for _ in table.columns)
        names = ", ".join(column.name for column in table.columns)
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.executemany(f"INSERT INTO {table.name} ({names}) VALUES ({places})", rows)
        self._connection.execute("COMMIT")

    def settle(self) -> None:
        """SQLite does nothing in the background."""


class PostgresqlLoader:
    """COPY; foreign keys are not looked up for each row where the user may say so (a superuser)."""

    def __init__(self, url: str) -> None:
        self._connection = psycopg.connect(
            make_url(url).set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
        )
        self._connection.execute("SET synchronous_commit = off")
        if self._connection.info.parameter_status("is_superuser") == "on":
            self._connection.execute("SET session_replication_role = replica")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def load(self, table: Table, rows: Sequence[Row]) -> None:
        """Append `rows` in one transaction."""
        names = ", ".join(column.name for column in table.columns)
        with (
            self._connection.cursor() as cursor,
            cursor.copy(f"COPY {table.name} ({names}) FROM STDIN".encode()) as copy,
        ):
            copy.write("".join(_lines(rows)))

    def settle(self) -> None:
        """Vacuum and analyze, as autovacuum does after so many rows; write all to the disk."""
        self._connection.execute("VACUUM (ANALYZE)")
        self._connection.execute("CHECKPOINT")


def _lines(rows: Sequence[Row]) -> Iterable[str]:
    """Yield COPY's text form; none of our values has a tab, a line's end or a backslash."""
    for row in rows:
        yield "\t".join(map(_text, row)) + "\n"


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return rf"\\x{value.hex()}"
    return r"\N" if value is None else str(value)
