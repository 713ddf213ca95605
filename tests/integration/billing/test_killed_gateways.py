"""A gateway that is killed in the middle of its work leaves consistent books, and credits what was lost."""

import asyncio
import os
import random
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from sayso.billing.ledger import HOLD_SECONDS, SWEEP_LIMIT, Ledger, wall_clock
from sayso.billing.tables import HoldRow, LedgerTransaction, UsageEventRow
from sayso.billing.unsent_answers import SLOT
from sayso.billing.verify import verify
from tests.integration.billing.conftest import Books
from tests.integration.billing.counting_clients import Got, ask_until_broken

CLIENTS = 50
CREDIT_SECONDS = 60
# Between the mark that an answer leaves and the system call that sends it lie a few microseconds.
CAUGHT_LEAVING = 1


@dataclass
class Nursery:
    """Starts gateways one after the other."""

    process: Process
    gateways: int = 0
    got: Got = field(default_factory=Got)

    async def born(self, lives: int = 0) -> tuple[int, int]:
        """Start a gateway; return its process and its port."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"%d\n" % lives)
        pid, port = (await self._line()).split()
        self.gateways += 1
        return int(pid), int(port)

    async def gone(self) -> None:
        assert await self._line() == b"gone\n"

    async def _line(self) -> bytes:
        assert self.process.stdout is not None
        async with asyncio.timeout(30):
            return await self.process.stdout.readline()


@asynccontextmanager
async def nursery(url: str, folder: Path) -> AsyncGenerator[Nursery]:
    command = (sys.executable, "-m", "tests.integration.billing.killable_gateway", url, str(folder))
    process = await asyncio.create_subprocess_exec(*command, stdin=PIPE, stdout=PIPE)
    yield Nursery(process)
    assert process.stdin is not None
    process.stdin.close()
    assert await process.wait() == 0


async def killed(some: Nursery, chance: random.Random) -> None:
    """Kill a gateway somewhere in its work."""
    pid, port = await some.born()
    asking = asyncio.create_task(ask_until_broken(port, CLIENTS, some.gateways, some.got))
    await some.got.more(chance.randrange(1, 150))
    await asyncio.sleep(chance.random() * 0.05)
    os.kill(pid, signal.SIGKILL)
    await asking
    await some.gone()


async def doomed(some: Nursery, lives: int) -> None:
    """Have a gateway die between a whole answer's charge and the answer."""
    _, port = await some.born(lives)
    await ask_until_broken(port, CLIENTS, some.gateways, some.got)
    await some.gone()


def unsent(folder: Path) -> bool:
    return any(any(path.read_bytes()[::SLOT]) for path in folder.glob("unsent-*"))


async def ended(some: Nursery, folder: Path) -> None:
    """Start a last gateway; wait until it has found nothing more that was lost."""
    pid, _ = await some.born()
    async with asyncio.timeout(CREDIT_SECONDS):
        while unsent(folder):  # noqa: ASYNC110 - a file has no event for it
            await asyncio.sleep(0.02)
    os.kill(pid, signal.SIGKILL)
    await some.gone()


async def check_books(books: Books, got: Got, gateways: int) -> int:
    """Compare what is charged with what was got; return how many answers were credited."""
    assert (await verify(books.database)).divergence is None
    posted = await books.rows(LedgerTransaction)
    events = {row["request_id"]: row for row in await books.rows(UsageEventRow)}
    charged = {row["transaction_id"]: key for key, row in events.items() if row["charge"]}
    reversals = {charged[row["reverses"]]: row for row in posted if row["kind"] == "reversal"}
    assert len(reversals) == sum(row["kind"] == "reversal" for row in posted)
    # Every answer that came is charged, for what it said, and never credited.
    for request_id, used in (got.whole | got.streamed).items():
        assert _used(events[request_id]) == used
        assert events[request_id]["charge"] > 0
        assert request_id not in reversals, "an answer that came was credited"
    # What did not come: credited where it was whole, and never more than was under way.
    missing = {key: events[key] for key in charged.values() if key not in got.whole | got.streamed}
    assert len(missing) <= gateways * CLIENTS
    whole = {key for key, row in missing.items() if not row["streamed"]}
    assert reversals.keys() <= whole
    assert len(whole - reversals.keys()) <= CAUGHT_LEAVING, "a lost answer was not credited"
    waits = [row["posted_at"] - events[key]["settled_at"] for key, row in reversals.items()]
    assert max(waits, default=0) <= CREDIT_SECONDS * 1_000_000
    # A stream that broke off is charged for no more than what was written to its socket.
    for key in missing.keys() - whole:
        assert _used(missing[key]) <= got.broken[key]
    streams = len(missing) - len(whole)
    longest = max(waits, default=0) / 1e6
    print(
        f"{gateways} gateways, {len(got.whole)} whole and {len(got.streamed)} streamed answers got, "
        f"{len(reversals)} of {len(whole)} lost whole ones credited within {longest:.2f} s, "
        f"{streams} streams charged that did not end"
    )
    return len(reversals)


def _used(event: dict[str, Any]) -> int:
    seconds = event["audio_milliseconds"] // 1_000
    return int(seconds or event["prompt_tokens"] + event["completion_tokens"])


async def kills(books: Books, url: str, folder: Path, *, aimed: int, anywhere: int) -> None:
    chance = random.Random(7)
    async with nursery(url, folder) as some:
        for number in range(aimed):
            await doomed(some, 5 + 7 * number)
        for _ in range(anywhere):
            await killed(some, chance)
        await ended(some, folder)
    assert await check_books(books, some.got, some.gateways) >= aimed
    # Once the orphans' time is over they are void, and nothing else has changed.
    events = await books.rows(UsageEventRow)
    later = Ledger.open(books.database, clock=lambda: wall_clock() + (HOLD_SECONDS + 1) * 1_000_000)
    for _ in range(1 + len(await books.rows(HoldRow)) // SWEEP_LIMIT):
        await later.keep()
    await later.close()
    assert {row["state"] for row in await books.rows(HoldRow)} == {"settled", "void"}
    assert await books.rows(UsageEventRow) == events
    assert (await verify(books.database)).divergence is None


async def test_kills_leave_consistent_books(books: Books, database_url: str, tmp_path: Path) -> None:
    await kills(books, database_url, tmp_path, aimed=1, anywhere=3)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_a_hundred_kills_leave_consistent_books(
    books: Books, database_url: str, tmp_path: Path
) -> None:
    await kills(books, database_url, tmp_path, aimed=20, anywhere=80)
