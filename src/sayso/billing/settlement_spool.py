"""Settlements that wait on this gateway's own disk while the database is away."""

import asyncio
from contextlib import suppress
from itertools import count, islice
from pathlib import Path

from sqlalchemy import func, select

from sayso.billing.late_settlement import LateSettlement
from sayso.billing.ledger import Ledger
from sayso.billing.tables import PriceBook
from sayso.db.record_file import RecordFile
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.telemetry.logging import EventLogger

# Reserved on the disk: about 7,000 settlements, more than the requests that can be under way.
ROOM = 4_194_304
BATCH = 256  # settlements that are submitted at once

log = EventLogger("settlements")


class SettlementSpool:
    """`settlements-ID-N` in the data folder, N for each gateway that shares the folder.

    ID is the database's own, so that what waits is settled nowhere else. A settlement that was kept is never
    lost and counts once: it is durable before `keep` returns, and taken away only once it is in the ledger.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        self._database = database
        self._folder = folder
        self._file: RecordFile | None = None
        self._opening = asyncio.Lock()
        self._waiting: dict[str, LateSettlement] = {}
        self._keeping = 0
        self._refused = False
        self._warned = False

    @property
    def waiting(self) -> int:
        """Settlements that are not in the ledger yet."""
        return len(self._waiting)

    async def open(self) -> None:
        """Take the file, with what waits in it since the last time. Raises `StorageUnavailable`."""
        async with self._opening:
            if self._file is not None:
                return
            try:
                self._file, found = await asyncio.to_thread(self._take, await self._database_id())
            except OSError as error:
                if not self._warned:
                    log.error("settlements_not_open", path=str(self._folder), error=error)  # noqa: TRY400 - not of logging
                self._warned = True
                raise StorageUnavailable from error
            self._warned = False
            self._waiting = {one.hold.request_id: one for one in found} | self._waiting

    async def keep(self, settlement: LateSettlement) -> None:
        """Keep a settlement until the database is back; durable on return. Raises `StorageUnavailable`."""
        request_id = settlement.hold.request_id
        await self.open()
        assert self._file is not None
        self._keeping += 1
        try:
            await asyncio.to_thread(self._file.append, settlement.encode())
        except OSError as error:
            log.error("settlement_not_kept", request_id=request_id, error=error)  # noqa: TRY400 - not of logging
            raise StorageUnavailable from error
        finally:
            self._keeping -= 1
        self._waiting[request_id] = settlement
        log.warning("settlement_kept", request_id=request_id)

    async def replay(self, ledger: Ledger) -> None:
        """Settle what waits, in the order in which it came. Raises `StorageUnavailable` where that fails."""
        await self.open()
        settled = 0
        while batch := list(islice(self._waiting.values(), BATCH)):
            results = await asyncio.gather(*map(ledger.settle_late, batch), return_exceptions=True)
            for settlement, result in zip(batch, results, strict=True):
                if isinstance(result, StorageUnavailable):
                    continue
                del self._waiting[settlement.hold.request_id]
                settled += 1
                if isinstance(result, BaseException):
                    self._refused = True  # it stays in the file, for a person to look at
                    log.error("settlement_refused", request_id=settlement.hold.request_id, error=result)
            for result in results:
                if isinstance(result, StorageUnavailable):
                    raise result
        if settled:
            log.info("settlements_replayed", count=settled)
        await self._clear()

    async def close(self) -> None:
        """Let go of the file; what waits in it waits for the next start."""
        if self._file is not None:
            await asyncio.to_thread(self._file.close)
            self._file = None

    async def _clear(self) -> None:
        """Empty the file once nothing in it, or on its way into it, is still to be settled."""
        file = self._file
        if file is None or not file.size or self._waiting or self._keeping or self._refused:
            return
        with suppress(OSError):  # what is found again is not settled again
            await asyncio.to_thread(file.clear, file.size)

    async def _database_id(self) -> int:
        async with self._database.read() as session:
            first = await session.scalar(select(func.min(PriceBook.published_at)))
        return int(first or 0)

    def _take(self, database_id: int) -> tuple[RecordFile, list[LateSettlement]]:
        """Open the first file that no other process has, and take over those of gateways that are gone."""
        stem = f"settlements-{database_id:x}"
        for number in count(1):
            path = self._folder / f"{stem}-{number}"
            try:
                own = RecordFile.open(path, room=ROOM)
                break
            except BlockingIOError:
                continue
        found = _settlements(own, path)
        for other in sorted(self._folder.glob(f"{stem}-*")):
            if other != path:
                with suppress(OSError):
                    found += _taken_over(own, other)
        return own, found


def _settlements(file: RecordFile, path: Path) -> list[LateSettlement]:
    found, damaged = [], file.damaged
    for record in file.records:
        try:
            found.append(LateSettlement.decode(record))
        except ValueError:
            damaged += 1
    if damaged:
        log.error("settlements_damaged", path=str(path), count=damaged)
    return found


def _taken_over(own: RecordFile, path: Path) -> list[LateSettlement]:
    """Move what is in another gateway's file, unless it runs. Raises `OSError`."""
    file = RecordFile.open(path, room=0)
    try:
        found = _settlements(file, path)
        for settlement in found:
            own.append(settlement.encode())
        if file.size:
            file.clear(file.size)
    finally:
        file.close()
    return found
