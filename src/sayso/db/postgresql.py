"""How connections to PostgreSQL are set up, and what its failures mean.

What a transaction is here is sent when a connection opens, as `options` behind those of the URL, so that no
default of the database or the role changes it: a writer sees all that was committed before its turn, a
reader sees one state.

The driver is imported with the first engine: a server on SQLite does without it.
"""

from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from sayso.db.faults import closed_on_failure, translate_faults

DRIVER = "postgresql+psycopg"
READERS = 8  # connections; a read lasts about a millisecond
CONNECT_SECONDS = 2  # the least that libpq takes
TURN_SECONDS = 10  # how long a writer waits for the others, as with SQLite
STATEMENT_SECONDS = 30
# A gateway that freezes in the middle of a transaction must not hold the other writers up for longer.
IDLE_SECONDS = 10
READER_IDLE_SECONDS = 300  # a reader holds up nobody, and may reckon between two statements
WRITERS_TURN = 0x7361_7973_6F00_0001  # the advisory lock of whoever writes; one for each database


def async_engine(url: URL, *, read_only: bool) -> AsyncEngine:
    """Return an engine of one connection that writes, or of a few that only read."""
    engine = create_async_engine(
        url.set(drivername=DRIVER),
        connect_args=_connect_args(url, read_only=read_only),
        pool_size=READERS if read_only else 1,
        **_OPTIONS,
    )
    _prepare(engine.sync_engine, read_only=read_only)
    return engine


def sync_engine(url: URL, *, read_only: bool = False) -> Engine:
    """Return an engine of one connection that writes, or only reads, for a thread of its own."""
    arguments = _connect_args(url, read_only=read_only)
    engine = create_engine(url.set(drivername=DRIVER), connect_args=arguments, pool_size=1, **_OPTIONS)
    _prepare(engine, read_only=read_only)
    return engine


_OPTIONS: dict[str, Any] = {
    "max_overflow": 0,
    # A connection that was lost while it lay idle is replaced before anybody notices.
    "pool_pre_ping": True,
    "hide_parameters": True,
    "use_native_hstore": False,
}


def lift_limits(connection: Connection) -> None:
    """Let this transaction's statements take, and wait, as long as they must."""
    connection.execute(text("SET LOCAL statement_timeout = 0"))
    connection.execute(text("SET LOCAL lock_timeout = 0"))


def take_turn(connection: Connection) -> None:
    """Wait until nobody else writes to this database; the turn ends with the transaction.

    As the first statement of a transaction it makes all that it reads exact: what others wrote is committed.
    """
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITERS_TURN})


def unavailable(error: BaseException) -> bool:
    """Tell whether the server was away, full or busy, rather than asked for something wrong."""
    import psycopg

    return isinstance(error, psycopg.OperationalError)


def unfit(error: BaseException) -> bool:
    """Tell whether a caller's value fits no column: unlike SQLite, this database minds length and U+0000."""
    import psycopg
    from psycopg.errors import NumericValueOutOfRange, StringDataRightTruncation

    return isinstance(error, StringDataRightTruncation | NumericValueOutOfRange) or (
        isinstance(error, psycopg.DataError) and "NUL" in str(error)
    )


def _connect_args(url: URL, *, read_only: bool) -> dict[str, Any]:
    given = url.query
    options = {
        "statement_timeout": f"{STATEMENT_SECONDS}s",
        "lock_timeout": f"{int(TURN_SECONDS * 1000)}ms",
        "idle_in_transaction_session_timeout": f"{READER_IDLE_SECONDS if read_only else IDLE_SECONDS}s",
        "default_transaction_read_only": "on" if read_only else "off",
        # With a snapshot older than its turn, a writer would decide on what is no longer true.
        "default_transaction_isolation": r"repeatable\ read" if read_only else r"read\ committed",
    }
    ours = " ".join(f"-c {name}={value}" for name, value in options.items())
    defaults: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": 5_000,  # milliseconds
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 2,
        "application_name": "sayso",
    }
    theirs = given.get("options", "")
    return {
        **{name: value for name, value in defaults.items() if name not in given},
        "options": f"{theirs if isinstance(theirs, str) else ' '.join(theirs)} {ours}".strip(),
    }


def _prepare(engine: Engine, *, read_only: bool) -> None:
    translate_faults(engine, unavailable, unfit)
    if read_only:
        return

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get("sayso_unhurried"):
            lift_limits(connection)
        take_turn(connection)
        if connection.get_execution_options().get("sayso_relaxed"):
            connection.exec_driver_sql("SET LOCAL synchronous_commit = off")

    @event.listens_for(engine, "connect")
    def connect(connection: Any, _record: object) -> None:
        """A commit that was reported must outlive a power cut; what is stronger stays."""
        with closed_on_failure(connection):
            cursor = connection.cursor()
            try:
                cursor.execute(
                    "SELECT set_config('synchronous_commit', 'on', false) "
                    "WHERE current_setting('synchronous_commit') = 'off'"
                )
                cursor.fetchall()
            finally:
                cursor.close()
            connection.commit()
