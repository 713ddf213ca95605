"""Insert rows, or change those that are there: one statement for many, on both databases."""

from typing import Any, Literal, cast

from sqlalchemy import Table, insert
from sqlalchemy.dialects import sqlite

from sayso.db.base import Base
from sayso.db.prepared import Prepared


def table_of(model: type[Base]) -> Table:
    """Return the table of a mapped class."""
    return cast("Table", model.__table__)


def columns_of(model: type[Base]) -> list[str]:
    """Return the names of a table's columns, in order: what a row of these statements has."""
    return [column.name for column in table_of(model).columns]


def inserting(model: type[Base]) -> Prepared:
    """Return the statement that inserts rows."""
    return Prepared(lambda _: insert(table_of(model)), columns_of(model))


def upserting(model: type[Base], how: Literal["replace", "add"]) -> Prepared:
    """Return the statement that inserts rows; one that is there by its primary key gets the new values.

    With `add`, the values are added to those that are there.
    """
    return Prepared(lambda dialect: _upsert(model, dialect, add=how == "add"), columns_of(model))


def _upsert(model: type[Base], dialect: str, *, add: bool) -> Any:
    table = table_of(model)
    statement = _insert(dialect)(table)
    keys = [column.name for column in table.primary_key]
    values = [column.name for column in table.columns if column.name not in keys]
    new = statement.excluded
    changes = {name: table.c[name] + new[name] if add else new[name] for name in values}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)


def _insert(dialect: str) -> Any:
    if dialect == "sqlite":
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # 2 MiB that a gateway on SQLite does without

    return postgresql.insert
