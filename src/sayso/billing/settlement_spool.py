"""What this gateway's own disk keeps of its charges: settlements that wait, and answers that have not left.

Settlements wait while the database is away. A whole answer that was charged and had not left when its gateway
died is credited by the next that finds that out: the same one started again, or another in the folder.
"""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from pathlib import Path
from time import monotonic

from sqlalchemy import func, select

from sayso.billing.gateway_files import GatewayFiles, Remains
from sayso.billing.late_settlement import LateSettlement
from sayso.billing.ledger import Ledger
from sayso.billing.tables import PriceBook
from sayso.db.session import Database
from sayso.errors import StorageUnavailable
from sayso.telemetry.logging import EventLogger

BATCH = 256  # settlements that are submitted at once
LOOK_SECONDS = 5.0  # how often gateways that share the folder are looked after

log = EventLogger("settlements")


class SettlementSpool:
    """The files of this gateway, and what becomes of what is in them.

    A settlement that was kept is never lost and counts once: it is durable before `keep` returns, and taken
    away only once it is in the ledger. An answer is credited once, by whoever has the file that names it.
    `look_seconds` is how often the files of other gateways are looked at.
    """

    def __init__(self, database: Database, folder: Path, *, look_seconds: float = LOOK_SECONDS) -> None:
        self._database = database
        self._folder = folder
        self._look_seconds = look_seconds
        self._looked_at = 0.0
        self._files: GatewayFiles | None = None
        self._lost_answers: set[str] = set()
        self._opening = asyncio.Lock()
        self._waiting: dict[str, LateSettlement] = {}
        self._kept = asyncio.Event()
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
            if self._files is not None:
                return
            try:
                database_id = await self._database_id()
                self._files = await asyncio.to_thread(GatewayFiles.take, self._folder, database_id)
            except OSError as error:
                if not self._warned:
                    log.error("settlements_not_open", path=str(self._folder), error=error)  # noqa: TRY400 - not of logging
                self._warned = True
                raise StorageUnavailable from error
            self._warned = False
            self._inherit(self._files.found())
            await self._look(self._files)

    def charging(self, request_id: str) -> None:
        """Write down that a whole answer may be charged from now on, and has not left."""
        if self._files is not None:
            self._files.unsent.add(request_id)

    def sent(self, request_id: str) -> None:
        """Write down that it leaves now, or that its request has ended otherwise: its charge stands."""
        if self._files is not None:
            self._files.unsent.remove(request_id)

    async def keep(self, settlement: LateSettlement) -> None:
        """Keep a settlement until the database is back; durable on return. Raises `StorageUnavailable`."""
        request_id = settlement.hold.request_id
        await self.open()
        assert self._files is not None
        self._keeping += 1
        try:
            await asyncio.to_thread(self._files.settlements.append, settlement.encode())
        except OSError as error:
            log.error("settlement_not_kept", request_id=request_id, error=error)  # noqa: TRY400 - not of logging
            raise StorageUnavailable from error
        finally:
            self._keeping -= 1
        self._waiting[request_id] = settlement
        self._kept.set()
        log.warning("settlement_kept", request_id=request_id)

    async def replay(self, ledger: Ledger) -> int:
        """Settle what waits, in the order in which it came, then credit what was lost; return those credits.

        Raises `StorageUnavailable` where that fails.
        """
        await self.open()
        assert self._files is not None
        if monotonic() - self._looked_at >= self._look_seconds:
            await self._look(self._files)
        await self._settle(ledger)
        # Only now: a settlement whose answer is named as unsent charges nothing, however often it is found.
        return await self._credit(ledger, self._files)

    async def until_due(self, retry_seconds: float) -> None:
        """Return when there is something to replay again: after `retry_seconds` where anything waits."""
        if self._files is not None and not self._waiting and not self._lost_answers:
            self._kept.clear()
            due = self._looked_at + self._look_seconds - monotonic()
            with suppress(TimeoutError):
                async with asyncio.timeout(max(due, retry_seconds)):
                    await self._kept.wait()
        if self._files is None or self._waiting or self._lost_answers:
            await asyncio.sleep(retry_seconds)

    async def _settle(self, ledger: Ledger) -> None:
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
        """Let go of the files; what waits in them waits for the next start. No request may be under way."""
        files, self._files = self._files, None
        if files is not None:
            files.unsent.keep_only(self._lost_answers)
            await asyncio.to_thread(files.close)

    async def _clear(self) -> None:
        """Empty the file once nothing in it, or on its way into it, is still to be settled."""
        files = self._files
        if files is None or not files.settlements.size or self._waiting or self._keeping or self._refused:
            return
        with suppress(OSError):  # what is found again is not settled again
            await asyncio.to_thread(files.settlements.clear, files.settlements.size)

    async def _credit(self, ledger: Ledger, files: GatewayFiles) -> int:
        credited = 0
        while batch := tuple(islice(self._lost_answers, BATCH)):
            credited += await ledger.credit_unsent(batch)
            self._lost_answers.difference_update(batch)
            for request_id in batch:
                files.unsent.remove(request_id)
        if credited:
            log.warning("unsent_answers_credited", count=credited)
        return credited

    async def _look(self, files: GatewayFiles) -> None:
        """Take over what gateways that are gone have left."""
        self._looked_at = monotonic()
        self._inherit(await asyncio.to_thread(files.take_over))

    def _inherit(self, remains: Remains) -> None:
        self._waiting = _by_request(remains.settlements) | self._waiting
        self._lost_answers |= remains.unsent

    async def _database_id(self) -> int:
        async with self._database.read() as session:
            first = await session.scalar(select(func.min(PriceBook.published_at)))
        return int(first or 0)


def _by_request(settlements: Iterable[LateSettlement]) -> dict[str, LateSettlement]:
    return {one.hold.request_id: one for one in settlements}
