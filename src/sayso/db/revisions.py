"""Whether what was read from the database a while ago still stands, without reading it again.

Triggers count, for each group of tables, the changes of what requests depend on. A thread looks at all the
numbers a few times a second in one statement, apart from the event loop, which it wakes only when one has
changed. So an answer that was read under a number stands for as long as that number does, and the last look
that found it so is at most `PROMISE_SECONDS` old: that is how long a change may go unnoticed.
"""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any, Literal, TypeAlias

from sqlalchemy import Engine
from sqlalchemy.pool import PoolProxiedConnection

from sayso.db.loop_calls import call_in_loop
from sayso.errors import SaysoError

Group: TypeAlias = Literal["access", "retention", "names", "instances"]

PROMISE_SECONDS = 0.5  # how long after its commit a change may go unnoticed
LOOK_SECONDS = 0.3  # between two looks, so that one that is a little late does no harm
CLOSE_SECONDS = 2.0  # how long closing waits for a look that hangs

_NUMBERS = "SELECT name, revision FROM revisions"


def stands(read_under: int | None, seen: int | None, *, otherwise: bool) -> bool:
    """Return whether what was read under a number still stands; `otherwise` where the numbers do not tell."""
    return otherwise if read_under is None or seen is None else read_under == seen


class Revisions:
    """The numbers of one database as this process has last seen them.

    Until it is started, and while the last look is too old, nothing may be remembered by them. `open_engine`
    makes the engine of one connection that only reads, for a thread of its own.
    """

    def __init__(
        self, open_engine: Callable[[], Engine], *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._open_engine = open_engine
        self._clock = clock
        self._stored: dict[str, int] = {}  # the thread's alone
        # Counted here: a database that was restored may bring an old number back.
        self._seen: dict[str, int] = {}
        self._looked_at = float("-inf")
        self._listeners: dict[str, list[Callable[[], None]]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._woken = threading.Event()
        self._closing = False

    def start(self) -> None:
        """Begin to look; whoever listens is told in this event loop."""
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="revisions", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Stop looking."""
        self._closing = True
        self._woken.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join, CLOSE_SECONDS)
        self._looked_at = float("-inf")

    def seen(self, group: Group) -> int | None:
        """Return the number under which what is read from now on may be remembered.

        It stands while this returns the same; None where that can not be told now.
        """
        if self._clock() - self._looked_at > PROMISE_SECONDS:
            return None
        return self._seen.get(group)

    def listen(self, group: Group, told: Callable[[], None]) -> None:
        """Have `told` called in the event loop whenever the group has changed, and after the first look."""
        self._listeners.setdefault(group, []).append(told)

    def look_soon(self) -> None:
        """Look now: something was written here."""
        self._woken.set()

    def _run(self) -> None:
        engine = self._open_engine()
        dbapi: Any = engine.dialect.dbapi
        connection: PoolProxiedConnection | None = None
        while not self._closing:
            self._woken.clear()
            begun = self._clock()
            try:
                connection = connection or _connected(engine)
                self._take(begun, _numbers(connection))
            except (SaysoError, dbapi.Error):  # whoever reads for a request says what is wrong
                if connection is not None:
                    connection.invalidate()
                connection = None
            self._woken.wait(LOOK_SECONDS)
        if connection is not None:
            connection.close()
        engine.dispose()

    def _take(self, begun: float, numbers: Iterable[tuple[str, int]]) -> None:
        changed = [name for name, number in numbers if self._stored.get(name) != number]
        if changed:
            self._stored.update(numbers)
        for name in changed:
            self._seen[name] = self._seen.get(name, 0) + 1
        self._looked_at = begun  # last: whoever sees this sees the numbers
        assert self._loop is not None, "a look comes after the start"
        if changed:
            call_in_loop(self._loop, self._tell, changed)

    def _tell(self, changed: Iterable[str]) -> None:
        for name in changed:
            for told in self._listeners.get(name, ()):
                told()


def _connected(engine: Engine) -> PoolProxiedConnection:
    """Return a connection on which each statement is a transaction of its own."""
    connection = engine.raw_connection()
    if engine.dialect.name == "postgresql":
        driver: Any = connection.driver_connection
        driver.autocommit = True
    return connection


def _numbers(connection: PoolProxiedConnection) -> list[tuple[str, int]]:
    """Return all numbers; asked of the driver itself, for this is done all day long."""
    cursor = connection.cursor()
    try:
        cursor.execute(_NUMBERS)
        return list(cursor.fetchall())
    finally:
        cursor.close()
