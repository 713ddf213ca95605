"""Group commit: one thread writes for everybody, many operations in one durable transaction.

A commit waits for the disk, about 2 ms; an operation costs a few microseconds. So whatever has queued up
while the last commit was under way is applied in one transaction. The engine's transactions begin with the
write lock, so what a batch reads is exact, whoever else writes.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

from sqlalchemy import Connection, Engine, Transaction
from sqlalchemy.exc import InterfaceError, OperationalError

from sayso.db.loop_calls import call_in_loop
from sayso.errors import StorageUnavailable

QUEUE_LIMIT = 8192  # operations that wait; the next is refused
BATCH_LIMIT = 256  # operations in one transaction
COMPANY = 3  # so many that wait at once are never the last: more are on their way
GATHER_SECONDS = 0.004  # which is how long they are waited for

OperationT = TypeVar("OperationT")
ResultT = TypeVar("ResultT")

Apply = Callable[[Connection, Sequence[OperationT]], Sequence[ResultT | Exception]]


@dataclass(frozen=True, slots=True)
class _Queued(Generic[OperationT, ResultT]):
    operation: OperationT
    future: "asyncio.Future[ResultT]"


class GroupWriter(Generic[OperationT, ResultT]):
    """Applies operations in batches; each caller hears once its batch is committed.

    `apply` gets the connection inside a transaction and returns, in order, a result or the error that its
    caller is to see; it keeps no state that a rollback would make wrong. A batch in which nothing is
    `durable` does not wait for the disk: every process sees it and it outlives them all, but a power cut may
    take it back.

    When the storage fails, all callers of the batch get `StorageUnavailable` and the next one tries a fresh
    connection. Nothing of it is applied then, unless the connection was lost during the commit itself, when
    nobody knows: an operation must be fit to be submitted again. When `apply` itself raises, each operation
    is tried alone, so that it hurts its caller only. Writers of one database that share a `turn` wait for
    each other without polling, as they would for SQLite's own lock.
    """

    def __init__(
        self,
        engine: Engine,
        apply: Apply[OperationT, ResultT],
        *,
        durable: Callable[[OperationT], bool] = lambda _: True,
        turn: "threading.Lock | None" = None,
        queue_limit: int = QUEUE_LIMIT,
        batch_limit: int = BATCH_LIMIT,
    ) -> None:
        self._engine = engine
        self._apply = apply
        self._durable = durable
        self._turn = turn or threading.Lock()
        self._queue_limit = queue_limit
        self._batch_limit = batch_limit
        self._waiting: deque[_Queued[OperationT, ResultT]] = deque()
        self._calls: SimpleQueue[None] = SimpleQueue()  # each wakes the thread
        self._calling = False
        self._closing = False
        self._batches = 0
        self._writing = False
        self._connection: Connection | None = None
        self._thread: threading.Thread | None = None

    def submit(self, operation: OperationT) -> "asyncio.Future[ResultT]":
        """Queue `operation`; the future holds its result once it is durable.

        Cancelling the future does not take the operation back. Raises `StorageUnavailable` where the queue
        is full or the writer is closed.
        """
        loop = asyncio.get_running_loop()
        if self._closing or len(self._waiting) >= self._queue_limit:
            raise StorageUnavailable
        queued = _Queued(operation, loop.create_future())
        self._waiting.append(queued)
        if not self._calling:  # after whatever else is ready in the loop: it may have something to write too
            self._calling = True
            loop.call_soon(self._call)
        return queued.future

    def _call(self) -> None:
        self._calling = False
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="group-writer", daemon=True)
            self._thread.start()
        self._calls.put(None)

    @property
    def batch_under_way(self) -> int | None:
        """The number of the batch that is being written, None where there is none."""
        return self._batches if self._writing else None

    async def close(self) -> None:
        """Write what waits, then stop."""
        self._closing = True
        self._calls.put(None)
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
        self._engine.dispose()

    def _run(self) -> None:
        while batch := self._next():
            self._batches += 1
            self._writing = True
            with self._turn:
                results = self._write(batch)
            self._writing = False
            self._answer(batch, results)
        self._disconnect()

    def _next(self) -> list[_Queued[OperationT, ResultT]]:
        """Return what is to be written next, nothing once the writer is closed and has written all."""
        while not self._waiting:
            if self._closing:
                return []
            self._calls.get()
        if COMPANY <= len(self._waiting) < self._batch_limit and not self._closing:
            time.sleep(GATHER_SECONDS)
        return [self._waiting.popleft() for _ in range(min(len(self._waiting), self._batch_limit))]

    def _write(self, batch: list[_Queued[OperationT, ResultT]]) -> Sequence[ResultT | Exception]:
        """Apply `batch` in one transaction. Returns what each caller gets."""
        try:
            return self._transact([queued.operation for queued in batch])
        except (StorageUnavailable, OperationalError, InterfaceError) as error:
            self._disconnect()
            failure = error if isinstance(error, StorageUnavailable) else StorageUnavailable()
            failure.__cause__ = failure.__cause__ or error
            return [failure] * len(batch)
        except Exception as error:  # noqa: BLE001 - handed to the caller whose operation it is
            self._disconnect()
            if len(batch) == 1:
                return [error]
            return [result for queued in batch for result in self._write([queued])]

    def _transact(self, operations: list[OperationT]) -> Sequence[ResultT | Exception]:
        """Apply `operations` and commit; once more where the connection was lost before the commit."""
        try:
            transaction, results = self._begun(operations)
        except StorageUnavailable:
            if self._connection is None or not self._connection.invalidated:
                raise
            self._disconnect()
            transaction, results = self._begun(operations)
        transaction.commit()
        return results

    def _begun(self, operations: list[OperationT]) -> tuple[Transaction, Sequence[ResultT | Exception]]:
        if self._connection is None:
            self._connection = self._engine.connect()
        self._connection.execution_options(sayso_relaxed=not any(map(self._durable, operations)))
        transaction = self._connection.begin()
        try:
            return transaction, self._apply(self._connection, operations)
        except BaseException:
            transaction.rollback()
            raise

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.invalidate()
            connection.close()

    def _answer(
        self, batch: list[_Queued[OperationT, ResultT]], results: Sequence[ResultT | Exception]
    ) -> None:
        """Resolve the futures, with one call into each event loop that waits."""
        loops: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[ResultT], ResultT | Exception]]]
        loops = {}
        for queued, result in zip(batch, results, strict=True):
            loops.setdefault(queued.future.get_loop(), []).append((queued.future, result))
        for loop, answers in loops.items():
            call_in_loop(loop, _resolve, answers)


def _resolve(answers: list[tuple["asyncio.Future[ResultT]", ResultT | Exception]]) -> None:
    for future, result in answers:
        if future.done():
            continue
        if isinstance(result, Exception):
            future.set_exception(result)
        else:
            future.set_result(result)
