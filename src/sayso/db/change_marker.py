"""Whether anybody else has written since: what was read then need not be read again."""

from typing import NamedTuple

from sqlalchemy import Connection


class ChangeMarker(NamedTuple):
    """The same as long as no other connection, of any process, has committed.

    Only one connection's markers compare; a new connection's differ from all before.
    """

    connection: object
    version: int


def change_marker(connection: Connection) -> ChangeMarker | None:
    """Return the marker of the transaction's state, None where the database has none to give.

    It is exact in a transaction that has the write lock. SQLite counts commits of others in `data_version`
    (https://sqlite.org/pragma.html#pragma_data_version); PostgreSQL has no such count.
    """
    if connection.dialect.name != "sqlite":
        return None
    version = connection.exec_driver_sql("PRAGMA data_version").scalar_one()
    return ChangeMarker(connection.connection.driver_connection, int(version))
