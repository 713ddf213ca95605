"""The way of content into the database: queued in memory, encrypted, then written in short transactions."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, Self, TypeAlias

from sqlalchemy.exc import DatabaseError

from sayso.db.session import Database
from sayso.db.writer import GroupWriter
from sayso.errors import SaysoError, StorageUnavailable
from sayso.ids import OrgId, ProjectId
from sayso.retention.clock import day_of, wall_clock
from sayso.retention.content import Content, Kept, NotKept
from sayso.retention.key_store import IssuedKey, KeyStore
from sayso.retention.policies import get_policy
from sayso.retention.policy import DEFAULT_DAYS, RetentionPolicy
from sayso.retention.sealing import CHUNK_BYTES, SealedChunk, seal
from sayso.retention.writing import Append, Begin, ContentWriter, WriteOperation, Written, must_be_durable
from sayso.telemetry.logging import EventLogger

QUEUE_BYTES = 64 * 1024 * 1024  # of content that waits unasked; what would exceed it is dropped
TRANSACTION_BYTES = 2 * CHUNK_BYTES  # written at a time, so that others soon have their turn
GATHER_SECONDS = 1.0  # for which content that is kept unasked waits for more, as a transaction has its price
POLICIES = 10_000  # that are remembered
POLICY_SECONDS = 0.5  # how long a policy may be behind; what is written obeys the one in the database

log = EventLogger("retention")


PolicyStanding: TypeAlias = Literal["stands", "old", "changed"]


@dataclass(frozen=True, slots=True)
class KnownPolicy:
    """A project's policy as it was read at a moment, under the number that stood then (`Revisions.seen`)."""

    policy: RetentionPolicy
    read_at: float
    seen: int | None


@dataclass(frozen=True, slots=True)
class _Waiting:
    content: Content
    done: "asyncio.Future[Written]"


class RetentionStore:
    """Keeps content as long as its policy says.

    `keep` is for what is kept unasked: it never waits, and drops under overload or where the storage fails;
    `dropped` counts. `store` is for what a request asked to store: durable when it returns, never dropped.
    Both write nothing where the policy in force at that moment keeps nothing.
    """

    def __init__(
        self,
        database: Database,
        keys: KeyStore,
        writer: GroupWriter[WriteOperation, Written],
        *,
        ceiling_days: int = DEFAULT_DAYS,
        clock: Callable[[], int] = wall_clock,
        queue_bytes: int = QUEUE_BYTES,
    ) -> None:
        self.dropped = 0
        self.on_dropped: Callable[[str], None] = lambda _: None  # told why, each time
        self._database = database
        self._keys = keys
        self._writer = writer
        self._ceiling_days = ceiling_days
        self._clock = clock
        self._queue_bytes = queue_bytes
        self._queue: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._arrived = asyncio.Event()
        self._gathering: asyncio.TimerHandle | None = None
        self._idle = asyncio.Event()
        self._idle.set()
        self._closing = False
        self._task: asyncio.Task[None] | None = None
        self._policies: dict[tuple[str, str], KnownPolicy] = {}

    @classmethod
    def open(
        cls,
        database: Database,
        keys: KeyStore,
        *,
        ceiling_days: int = DEFAULT_DAYS,
        clock: Callable[[], int] = wall_clock,
        queue_bytes: int = QUEUE_BYTES,
    ) -> Self:
        """Return the store in `database`, which must be migrated; `keys` must be bound to it."""
        writer: GroupWriter[WriteOperation, Written] = GroupWriter(
            database.sync_engine(),
            ContentWriter(ceiling_days, clock),
            durable=must_be_durable,
            turn=database.threads_turn,
        )
        return cls(database, keys, writer, ceiling_days=ceiling_days, clock=clock, queue_bytes=queue_bytes)

    @property
    def ceiling_days(self) -> int:
        """The most that the operator allows."""
        return self._ceiling_days

    def tag(self, organization_id: OrgId, end_user: str) -> str:
        """Return what stands for an organization's own user (`KeyStore.tag`)."""
        return self._keys.tag(organization_id, end_user)

    def start(self) -> None:
        """Begin to write what is queued."""
        self._task = asyncio.create_task(self._write_regularly())

    async def close(self) -> None:
        """Write what waits, then stop."""
        self._closing = True
        self._gathered()
        if self._task is not None:
            await self._task
        await self._writer.close()

    async def policy(self, organization_id: OrgId, project_id: ProjectId) -> RetentionPolicy:
        """Return what is in force for a project, at most half a second old. Raises `StorageUnavailable`."""
        known = self.known_policy(organization_id, project_id)
        if known is not None and self.standing(known) == "stands":
            return known.policy
        read_at, seen = time.monotonic(), self._seen()  # before it is read
        async with self._database.read() as session:
            policy = await get_policy(session, organization_id, project_id, self._ceiling_days)
        if len(self._policies) > POLICIES:
            self._policies.clear()
        self._policies[organization_id, project_id] = KnownPolicy(policy, read_at, seen)
        return policy

    def known_policy(self, organization_id: OrgId, project_id: ProjectId) -> KnownPolicy | None:
        """Return what was in force when it was last asked for, None where nobody has."""
        return self._policies.get((organization_id, project_id))

    def standing(self, known: KnownPolicy) -> PolicyStanding:
        """Return whether it is in force still; `old` where nothing tells and it is over half a second old."""
        young = time.monotonic() - known.read_at < POLICY_SECONDS
        seen = self._seen()
        if known.seen is None or seen is None:
            return "stands" if young else "old"
        return "stands" if known.seen == seen else "changed"

    def _seen(self) -> int | None:
        return self._database.revisions.seen("retention")

    def forget_policies(self) -> None:
        """Look at every policy anew: one has changed."""
        self._policies.clear()

    def keep(self, content: Content) -> bool:
        """Queue `content` and return at once; False where it is dropped."""
        if self._closing or self._waiting_bytes + content.size > self._queue_bytes:
            self._drop("queue_full")
            return False
        self._enqueue(content).add_done_callback(self._count_loss)
        if self._gathering is None:
            self._gathering = asyncio.get_running_loop().call_later(GATHER_SECONDS, self._gathered)
        return True

    async def store(self, content: Content) -> Written:
        """Write `content`, which a request asked for, and return once it is durable.

        `NotKept` where the policy in force keeps nothing. Raises `StorageUnavailable`: then nothing is kept.
        """
        if self._closing:
            raise StorageUnavailable
        done = self._enqueue(content)
        self._gathered()
        return await asyncio.shield(done)

    async def flush(self) -> None:
        """Wait until all that is queued is written or dropped."""
        self._gathered()
        await self._idle.wait()

    def _enqueue(self, content: Content) -> "asyncio.Future[Written]":
        waiting = _Waiting(content, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._waiting_bytes += content.size
        self._idle.clear()
        return waiting.done

    def _gathered(self) -> None:
        """Have what is queued written: it has waited for others, or somebody waits for it."""
        if self._gathering is not None:
            self._gathering.cancel()
            self._gathering = None
        self._arrived.set()

    def _count_loss(self, done: "asyncio.Future[Written]") -> None:
        if done.exception() is not None:
            self._drop("storage")

    def _drop(self, reason: str) -> None:
        self.dropped += 1
        self.on_dropped(reason)
        log.warning("content_dropped", reason=reason, count=self.dropped)

    async def _write_regularly(self) -> None:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._queue:
                await self._write(self._next())
            if not self._queue:
                self._idle.set()
            if self._closing:
                return

    def _next(self) -> list[_Waiting]:
        """Return what one transaction takes; more only where one record alone is larger."""
        batch = [self._queue.popleft()]
        size = batch[0].content.size
        while self._queue and size + self._queue[0].content.size <= TRANSACTION_BYTES:
            batch.append(self._queue.popleft())
            size += batch[-1].content.size
        return batch

    async def _write(self, batch: list[_Waiting]) -> None:
        written: Sequence[Written | BaseException]
        try:
            written = await self._written_if_kept([waiting.content for waiting in batch])
        except Exception as error:  # noqa: BLE001 - handed to those whose content it is
            written = [error] * len(batch)
        for waiting, result in zip(batch, written, strict=True):
            self._waiting_bytes -= waiting.content.size
            if isinstance(result, BaseException):
                waiting.done.set_exception(result)
                waiting.done.exception()  # a caller that left does not look at it
            else:
                waiting.done.set_result(result)

    async def _written_if_kept(self, contents: list[Content]) -> Sequence[Written | BaseException]:
        """Write what a policy keeps that is half a second old; the transaction looks at the newest."""
        kept = [
            n
            for n, content in enumerate(contents)
            if (await self.policy(content.organization_id, content.project_id)).keeps(stored=content.stored)
        ]
        results: list[Written | BaseException] = [NotKept()] * len(contents)
        if kept:
            for n, result in zip(kept, await self._written([contents[n] for n in kept]), strict=True):
                results[n] = result
        return results

    async def _written(self, contents: list[Content]) -> Sequence[Written | BaseException]:
        """Encrypt and write; what is not kept has no key afterwards."""
        sealed = await asyncio.to_thread(self._sealed, contents)
        if len(sealed) == 1:
            results: Sequence[Written | BaseException] = [await self._write_long(*sealed[0])]
        else:
            begun = [
                self._writer.submit(Begin(content, issued.location, chunks, complete=True))
                for content, issued, chunks in sealed
            ]
            results = await asyncio.gather(*begun, return_exceptions=True)
        lost = [
            issued.location
            for (_, issued, _), result in zip(sealed, results, strict=True)
            if not isinstance(result, Kept)
        ]
        if lost:
            await asyncio.to_thread(self._keys.destroy, lost)
        return results

    def _sealed(self, contents: list[Content]) -> list[tuple[Content, IssuedKey, list[SealedChunk]]]:
        # The day of writing: long after a day is over, keys that no row names are taken for lost.
        day = day_of(self._clock())
        groups: dict[str, list[int]] = {}
        for n, content in enumerate(contents):
            groups.setdefault(content.organization_id, []).append(n)
        issued: dict[int, IssuedKey] = {}
        for organization_id, group in groups.items():
            durable = any(contents[n].stored for n in group)
            keys = self._keys.issue(organization_id, day, len(group), durable=durable)
            issued |= zip(group, keys, strict=True)
        return [
            (content, issued[n], seal(issued[n].key, content.binding, content.parts))
            for n, content in enumerate(contents)
        ]

    async def _write_long(
        self, content: Content, issued: IssuedKey, chunks: list[SealedChunk]
    ) -> Written | BaseException:
        """Write one record, however long, in as many transactions as it takes."""
        step = TRANSACTION_BYTES // CHUNK_BYTES
        result: Written = NotKept()
        try:
            for at in range(0, len(chunks), step):
                operation = Begin if at == 0 else Append
                some, complete = chunks[at : at + step], at + step >= len(chunks)
                result = await self._writer.submit(operation(content, issued.location, some, complete))
                if isinstance(result, NotKept):
                    break
        except (SaysoError, DatabaseError) as error:
            return error
        return result
