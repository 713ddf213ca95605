"""The sweep: what is due loses its key, then its rows, then what the database still has of it."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from sqlalchemy import ColumnElement, Connection, bindparam, func, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.retention.clock import DAY, ClockGuard, day_of, steady_clock, wall_clock
from sayso.retention.destruction import Doomed, destroy, find_doomed
from sayso.retention.erasure import apply_erasures
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.legal_holds import active_holds, not_held
from sayso.retention.policy import DEFAULT_DAYS
from sayso.retention.receipts import FIRST_HASH, Cause, Receipt, canonical, chained
from sayso.retention.tables import RetainedRecord, SweepRunRow
from sayso.retention.tightening import apply_ceiling, apply_pending
from sayso.telemetry.logging import EventLogger

SWEEP_SECONDS = 60.0
AT_ONCE = 1_000  # records that are looked up together
UNFINISHED = 3_600_000_000  # microseconds until a record that was never completed counts as abandoned
QUIET = 3_600_000_000  # microseconds between entries of runs that found nothing to do
FILE_MARGIN = 3_600_000_000  # microseconds that a day must be over before its file may go
CLEAR_SECONDS = 5.0  # how long one run tries to empty the write-ahead log
CLEAR_PAUSE = 0.25

Residue: TypeAlias = Literal["none", "busy", "ciphertext"]

log = EventLogger("retention")


@dataclass(frozen=True, slots=True)
class SweepRun:
    """What one run did; moments are Unix microseconds.

    `counts` are (organization, class, cause, records, bytes). `residue` is `none` where nothing of what was
    deleted is left in the database's files, `busy` where a reader was in the way and the next run tries
    again, `ciphertext` on PostgreSQL, which keeps ciphertext for which there is no key. `next_expiry` is
    when the first of what is left expires. `number` is 0 for a run that found nothing to do and was not
    written down.
    """

    number: int
    started_at: int
    finished_at: int
    counts: tuple[tuple[str, str, Cause, int, int], ...]
    receipts: tuple[int, ...]
    key_files: tuple[str, ...]
    shortened: int
    next_expiry: int | None
    residue: Residue

    @property
    def records(self) -> int:
        """How many records were destroyed."""
        return sum(count[3] for count in self.counts)

    @property
    def bytes(self) -> int:
        """How many bytes of content were destroyed."""
        return sum(count[4] for count in self.counts)


class Sweeper:
    """Destroys what is due, again and again; every run picks up what a killed one left.

    `last` is the last run that came to its end: when it is long ago, somebody should be told. `on_run` hears
    of each such run, `on_failure` why another did not (`storage`, `fault`, `clock`).
    """

    def __init__(
        self,
        db: Database,
        keys: KeyStore,
        *,
        ceiling_days: int = DEFAULT_DAYS,
        clock: Callable[[], int] = wall_clock,
        monotonic: Callable[[], float] = steady_clock,
    ) -> None:
        self._db = db
        self._keys = keys
        self._ceiling_days = ceiling_days
        self._clock = clock
        self._monotonic = monotonic
        self._guard = ClockGuard()
        self._looked_closely = ""  # the last day on which it was
        self._looked_at_files = ""
        self._written_at = 0
        self.last: SweepRun | None = None
        self.on_run: Callable[[SweepRun], None] = lambda _: None
        self.on_failure: Callable[[str], None] = lambda _: None
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self, every: float = SWEEP_SECONDS) -> None:
        """Begin to sweep, at once and then whenever `every` seconds are over or somebody wakes it."""
        self._task = asyncio.create_task(self._sweep_regularly(every))

    def wake(self) -> None:
        """Have it run soon: after an erasure, a stricter policy, the end of a legal hold."""
        self._woken.set()

    async def close(self) -> None:
        """Stop; a run that is under way is cut short, and the next one goes on where it was."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _sweep_regularly(self, every: float) -> None:
        while True:
            self._woken.clear()
            try:
                await self.sweep()
            except StorageUnavailable as error:
                self.on_failure("storage")
                log.warning("sweep_failed", error=error)
            except Exception as error:  # noqa: BLE001 - what is due stays due, and the next run must come
                self.on_failure("fault")
                log.error("sweep_failed", error=error)  # noqa: TRY400 - an event logger
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._woken.wait()

    async def sweep(self) -> SweepRun | None:
        """Run once; None where the clock jumped and nothing may be destroyed yet.

        Raises `StorageUnavailable`; what had been destroyed by then has its receipts.
        """
        started_at = self._clock()
        if not self._guard.steady(started_at, self._monotonic()):
            self.on_failure("clock")
            log.warning("sweep_held_back", reason="the clock jumped")
            return None
        shortened = await apply_pending(self._db, self._clock)
        await apply_erasures(self._db, self._clock)
        receipts = await self._destroy_due(started_at)
        if (today := day_of(started_at)) != self._looked_closely:
            shortened += await apply_ceiling(self._db, self._ceiling_days)
            receipts += await self._destroy_due(started_at) + await self._destroy_lost(started_at)
            self._looked_closely = today
        key_files = await self._destroy_files(started_at, bool(receipts))
        residue = await self._clear()
        run = SweepRun(
            0,
            started_at,
            self._clock(),
            _counts(receipts),
            tuple(receipt.number for receipt in receipts),
            key_files,
            shortened,
            await self._next_expiry(),
            residue,
        )
        self.last = await self._write_down(run)
        self.on_run(self.last)
        return self.last

    async def _destroy_due(self, now: int) -> list[Receipt]:
        erased = RetainedRecord.erased_at.is_not(None)
        # As the index says it: a parameter would hide that it fits.
        unfinished = RetainedRecord.complete == literal_column("0")
        unfinished = unfinished & (RetainedRecord.created_at < now - UNFINISHED)
        due: tuple[tuple[Cause, ColumnElement[bool]], ...] = (
            ("erased", erased),
            ("expired", RetainedRecord.expires_at <= now),
            ("unfinished", unfinished),
        )
        receipts: list[Receipt] = []
        for cause, condition in due:
            while doomed := await self._doomed(condition):
                receipts += await destroy(self._db, self._keys, doomed, cause, self._clock)
        return receipts

    async def _doomed(self, condition: ColumnElement[bool], *, ordered: bool = False) -> list[Doomed]:
        """Return some of the records that meet a condition and that no legal hold covers now."""
        async with self._db.read() as session:
            holds = await active_holds(session)
            return await find_doomed(session, condition & not_held(holds), AT_ONCE, ordered=ordered)

    async def _destroy_lost(self, now: int) -> list[Receipt]:
        """Delete rows whose keys are gone, as a restored database has them, and keys without rows."""
        receipts: list[Receipt] = []
        async with self._db.read() as session:
            used = await _key_files(session)
        for name in sorted(used):
            live = await asyncio.to_thread(self._keys.live_slots, name)
            if _day(name) <= day_of(now - FILE_MARGIN - DAY):
                await self._destroy_orphans(name, live)
            after = ""
            while True:
                of_file = (RetainedRecord.key_file == name) & (RetainedRecord.id > after)
                rows = await self._doomed(of_file, ordered=True)
                lost = [one for one in rows if one.key.slot not in live]
                receipts += await destroy(self._db, self._keys, lost, "unreadable", self._clock)
                if len(rows) < AT_ONCE:
                    break
                after = rows[-1].id
        return receipts

    async def _destroy_orphans(self, name: str, live: set[int]) -> None:
        """Destroy the keys of a file that no row names: of content that was dropped or replaced."""
        async with self._db.read() as session:
            named = select(RetainedRecord.key_slot).where(RetainedRecord.key_file == name)
            orphans = live - set(await session.scalars(named))
        await asyncio.to_thread(self._keys.destroy, [KeyLocation(name, slot) for slot in sorted(orphans)])

    async def _destroy_files(self, now: int, destroyed: bool) -> tuple[str, ...]:
        """Remove the files of days that are over and in which no key is left, or none may be."""
        today, last_day = day_of(now), day_of(now - FILE_MARGIN - DAY)
        if not destroyed and self._looked_at_files == today:
            return ()
        oldest = day_of(now - (self._ceiling_days + 2) * DAY)
        over = await asyncio.to_thread(lambda: [one for one in self._keys.files() if _day(one) <= last_day])
        async with self._db.read() as session:
            unused = await (await session.connection()).run_sync(_unused, over)
        gone = await asyncio.to_thread(self._remove_files, unused, oldest)
        self._looked_at_files = today
        return gone

    def _remove_files(self, unused: list[str], oldest: str) -> tuple[str, ...]:
        dead = (name for name in unused if _day(name) < oldest or not self._keys.live_slots(name))
        return tuple(name for name in dead if self._keys.destroy_file(name))

    async def _clear(self) -> Residue:
        deadline = self._monotonic() + CLEAR_SECONDS
        while not await self._db.clear_log():
            if self._woken.is_set():  # keys come before bytes: the next run destroys them, and clears on
                return "busy"
            if self._monotonic() >= deadline:
                log.warning("deleted_bytes_left", reason="a reader keeps the write-ahead log")
                return "busy"
            await asyncio.sleep(CLEAR_PAUSE)
        return "ciphertext" if self._db.kind == "postgresql" else "none"

    async def _next_expiry(self) -> int | None:
        async with self._db.read() as session:
            return await session.scalar(select(func.min(RetainedRecord.expires_at)))

    async def _write_down(self, run: SweepRun) -> SweepRun:
        quiet = not run.receipts and not run.key_files and not run.shortened and run.residue != "busy"
        if quiet and run.finished_at - self._written_at < QUIET:
            return run
        async with self._db.transaction() as session:
            written = await _append(session, run)
        self._written_at = run.finished_at
        log.info("swept", count=run.records, bytes=run.bytes, reason=run.residue)
        return written


def _day(name: str) -> str:
    """Return the day that a key file is of."""
    return name.partition("/")[2][: len("2026-11-22")]


async def _append(session: AsyncSession, run: SweepRun) -> SweepRun:
    last = select(SweepRunRow.id, SweepRunRow.hash).order_by(SweepRunRow.id.desc()).limit(1)
    found = (await session.execute(last)).first()
    number, previous = (found[0] + 1, found[1]) if found else (1, FIRST_HASH)
    written = replace(run, number=number)
    text = canonical(_document(written))
    session.add(
        SweepRunRow(
            id=number,
            started_at=run.started_at,
            finished_at=run.finished_at,
            records=run.records,
            bytes=run.bytes,
            residue=run.residue,
            document=text,
            previous_hash=previous,
            hash=chained(previous, text),
        )
    )
    return written


async def _key_files(session: AsyncSession) -> set[str]:
    return set(await session.scalars(select(RetainedRecord.key_file).distinct()))


def _unused(connection: Connection, names: list[str]) -> list[str]:
    """Return the key files that no row names; each is looked up alone, since there may be many rows."""
    row = select(RetainedRecord.id).where(RetainedRecord.key_file == bindparam("name")).limit(1)
    return [name for name in names if connection.execute(row, {"name": name}).first() is None]


def _counts(receipts: list[Receipt]) -> tuple[tuple[str, str, Cause, int, int], ...]:
    sums: dict[tuple[str, str, Cause], tuple[int, int]] = {}
    for receipt in receipts:
        key = (receipt.organization_id, receipt.class_id, receipt.cause)
        records, size = sums.get(key, (0, 0))
        sums[key] = (records + len(receipt.records), size + receipt.bytes)
    return tuple((*key, *counted) for key, counted in sorted(sums.items()))


def _document(run: SweepRun) -> dict[str, Any]:
    return {
        "object": "retention.sweep",
        "number": run.number,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "counts": run.counts,
        "receipts": run.receipts,
        "key_files": run.key_files,
        "shortened": run.shortened,
        "next_expiry": run.next_expiry,
        "residue": run.residue,
    }
