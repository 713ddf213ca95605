"""Whether anybody else has written since: what was read then need not be read again."""

from typing import NamedTuple

from sqlalchemy import Connection


class LedgerVersion(NamedTuple):
    """A number that each batch of each gateway raises by one, and so do changes of limits, budgets, prices.

    It counts on one connection only: with a failure, which ends it, nobody knows what was written.
    """

    connection: object
    number: int


def next_version(connection: Connection) -> LedgerVersion:
    """Raise the version in this transaction and return it."""
    number = connection.exec_driver_sql(_NEXT).scalar_one()
    return LedgerVersion(connection.connection.driver_connection, int(number))


_NEXT = "UPDATE ledger_version SET version = version + 1 WHERE id = 1 RETURNING version"


def follows(version: LedgerVersion, before: LedgerVersion | None) -> bool:
    """Return whether nobody has written between the two."""
    return before is not None and version == before._replace(number=before.number + 1)
