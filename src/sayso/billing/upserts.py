"""Insert rows, or change those that are there: one statement for many, on both databases."""

from collections.abc import Sequence
from functools import cache
from typing import Any, cast

from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from sayso.db.base import Base


def table_of(model: type[Base]) -> Table:
    """Return the table of a mapped class."""
    return cast("Table", model.__table__)


def replace(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Write `rows`; one that is there by its primary key gets the new values."""
    if rows:
        connection.execute(_statement(model, connection.dialect.name, add=False), rows)


def add(connection: Connection, model: type[Base], rows: Sequence[dict[str, Any]]) -> None:
    """Write `rows`; to one that is there by its primary key the values are added."""
    if rows:
        connection.execute(_statement(model, connection.dialect.name, add=True), rows)


@cache
def _statement(model: type[Base], dialect: str, *, add: bool) -> Any:
    table = table_of(model)
    make: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    statement = make(table)
    keys = [column.name for column in table.primary_key]
    values = [column.name for column in table.columns if column.name not in keys]
    new = statement.excluded
    changes = {name: table.c[name] + new[name] if add else new[name] for name in values}
    return statement.on_conflict_do_update(index_elements=keys, set_=changes)
