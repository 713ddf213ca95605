"""Statements on the path of every request: compiled once, then handed to the driver as they are.

Compiling, binding and adapting a statement costs SQLAlchemy some ten times what SQLite needs to run it.
Errors are still SQLAlchemy's, so that `faults` translates them.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Connection, Dialect, Executable

Row = tuple[Any, ...]


class Prepared:
    """A statement that returns nothing, for many rows at once.

    `build` makes it for a dialect's name; `columns` are the names of its parameters, in the order in which
    the statement has them, which is the order of a row. Raises `ValueError` at first use where they differ.
    """

    def __init__(self, build: Callable[[str], Executable], columns: Sequence[str]) -> None:
        self._build = build
        self._columns = list(columns)
        self._texts: dict[str, str] = {}

    def run(self, connection: Connection, rows: Sequence[Row]) -> None:
        """Run it for each of `rows`."""
        if rows:
            name = connection.dialect.name
            text = self._texts.get(name) or self._compile(connection.dialect)
            connection.exec_driver_sql(text, list(rows))

    def _compile(self, dialect: Dialect) -> str:
        chosen = _by_position() if dialect.name == "postgresql" else dialect
        statement: Any = self._build(dialect.name)
        compiled = statement.compile(dialect=chosen, column_keys=self._columns)
        if compiled.positiontup != self._columns:
            raise ValueError(f"the statement's parameters are {compiled.positiontup}, not {self._columns}")
        text = self._texts[dialect.name] = str(compiled)
        return text


@cache
def _by_position() -> Dialect:
    """Return PostgreSQL's dialect for rows that are tuples; its driver takes names as well."""
    from sqlalchemy.dialects.postgresql import psycopg

    return psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]
