"""`python -m bench.ten_million`: does a large ledger make requests slower, and how long does a month take?

    python -m bench.fill_ledger SMALL --rows 10000
    python -m bench.fill_ledger BIG --rows 10000000
    python -m bench.ten_million SMALL BIG [--rounds 7] [--requests 1000] [--json FILE]

Two servers with the scripted engine, one over each database, are loaded in turns by one client; processor
time is that of all their processes, the database server's too where it runs on this machine. Then the usage
of the last thirty days is asked for over HTTP. The requests of the comparison stay in the ledgers.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import aiohttp
import psutil
import psycopg
from sqlalchemy import make_url

from bench.client import Client, client_of
from bench.figures import Figure
from bench.fill_ledger import Filled, read_note
from bench.measure_gateway import FAKE, MODEL, load
from bench.report import machine, print_report, versions, write_json
from bench.server import Server, running_server

AT_ONCE = 16
WITHIN = 0.90  # of the small ledger's requests per processor second
MONTH_MS = 200.0
TIMES = 15  # that each report is asked for
DAY = 86_400
REPORTS = (
    ("completions", "usage/completions", ""),
    *(("completions", "usage/completions", by) for by in ("project_id", "user_id", "api_key_id", "model")),
    ("completions", "usage/completions", "project_id,user_id,api_key_id,model"),
    ("transcriptions", "usage/audio_transcriptions", ""),
    ("transcriptions", "usage/audio_transcriptions", "project_id,user_id,api_key_id,model"),
    ("costs", "costs", ""),
    ("costs", "costs", "project_id,line_item"),
    ("costs", "costs", "project_id,user_id,api_key_id,line_item"),
)


@dataclass(slots=True)
class Side:
    """A server over a ledger, and what was seen of it."""

    filled: Filled
    server: Server
    client: Client
    others: tuple[psutil.Process, ...]  # the database server's first process
    per_core: list[float] = field(default_factory=list)  # requests a processor second
    rates: list[float] = field(default_factory=list)  # requests a second
    waits: list[float] = field(default_factory=list)  # ms, one client

    async def measure(self, requests: int) -> None:
        """Load it once with one client, once with sixteen."""

        async def whole() -> None:
            await self.client.chat_whole("Say this.", 8, MODEL)

        alone = await load(whole, max(requests // 4, 10), 1)
        self.waits.append(1000 * median(alone.waits))
        before = self._processor_seconds()
        busy = await load(whole, requests, AT_ONCE)
        after = self._processor_seconds()
        used = sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
        self.per_core.append(requests / used)
        self.rates.append(busy.rate)

    def _processor_seconds(self) -> dict[int, float]:
        """Return what each process has used; those that have ended since are not in it."""
        found: dict[int, float] = {}
        for first in (psutil.Process(self.server.process.pid), *self.others):
            for one in (first, *first.children(recursive=True)):
                try:
                    times = one.cpu_times()
                except psutil.NoSuchProcess:
                    continue
                found[one.pid] = float(times.user + times.system)
        return found


async def compare(small: Path, big: Path, rounds: int, requests: int) -> list[Figure]:
    """Return the figures of both ledgers, their ratio, and the reports of the large one."""
    async with AsyncExitStack() as stack:
        sides = [await stack.enter_async_context(_side(folder)) for folder in (small, big)]
        for side in sides:  # warm
            await side.measure(100)
            side.per_core, side.rates, side.waits = [], [], []
        for number in range(rounds):
            for side in sides if number % 2 == 0 else reversed(sides):
                await side.measure(requests)
        figures = list(_comparison(sides[0], sides[1]))
        return [*figures, *[figure async for figure in _reports(sides[1])]]


@asynccontextmanager
async def _side(folder: Path) -> AsyncIterator[Side]:
    filled = read_note(folder)
    settings = f'database_url = "{filled.database_url}"\n{FAKE}'
    with running_server(folder, settings, filled.key) as server:
        async with client_of(server) as client:
            yield Side(filled, server, client, _database_server(filled.database_url))


def _database_server(url: str) -> tuple[psutil.Process, ...]:
    """Return the first process of a PostgreSQL server on this machine."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        return ()
    plain = parsed.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    return () if parent is None else (parent,)


def _comparison(small: Side, big: Side) -> Iterator[Figure]:
    for side in (small, big):
        name = f"{side.filled.entries:,} entries"
        samples = {"per_core": side.per_core, "rates": side.rates, "waits": side.waits}
        yield Figure(f"{name}: requests a processor second", median(side.per_core), "1/s", samples=samples)
        yield Figure(f"{name}: requests a second, {AT_ONCE} clients", median(side.rates), "1/s")
        yield Figure(f"{name}: requests a second, 1 client", 1000 / median(side.waits), "1/s")
        yield Figure(f"{name}: one client waits", median(side.waits), "ms")
    for name, target, ours, theirs in (
        ("a processor second", WITHIN, big.per_core, small.per_core),
        (f"{AT_ONCE} clients", WITHIN, big.rates, small.rates),
        ("1 client", WITHIN, small.waits, big.waits),
    ):
        ratio = median(a / b for a, b in zip(ours, theirs, strict=True))
        yield Figure(f"large ÷ small, requests, {name}", ratio, "×", at_least=target)


async def _reports(side: Side) -> AsyncIterator[Figure]:
    """Yield how long each report of thirty days takes, the worst of all, and of a week by the hour."""
    last = side.filled.end // 1_000_000
    month = {"start_time": (last // DAY - 29) * DAY, "end_time": last, "bucket_width": "1d", "limit": 31}
    week = {"start_time": (last // DAY - 6) * DAY, "end_time": last, "bucket_width": "1h", "limit": 168}
    asked = [(f"{name} by {by or 'day'}", path, by, month) for name, path, by in REPORTS]
    asked.append(("completions of a week by hour, model", "usage/completions", "model", week))
    base = side.server.base_url + "/organization/"
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {side.filled.admin_key}"}) as session:
        for name, path, by, span in asked:
            query = [*((key, str(value)) for key, value in span.items())]
            query += [("group_by[]", one) for one in by.split(",") if one]
            waits = [await _wait(session, base + path, query) for _ in range(TIMES)]
            yield Figure(f"{name}, median", median(waits), "ms", samples={"waits": waits})
            yield Figure(f"{name}, worst", max(waits), "ms", at_most=MONTH_MS)


async def _wait(session: aiohttp.ClientSession, url: str, query: list[tuple[str, str]]) -> float:
    begun = time.perf_counter()
    async with session.get(url, params=query) as answer:
        body = await answer.read()
        if answer.status != 200 or b'"results":[{' not in body:
            raise RuntimeError(f"{answer.status}: {body[:300]!r}")
    return 1000 * (time.perf_counter() - begun)


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.ten_million", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("small", type=Path, help="a folder that bench.fill_ledger has filled")
    parser.add_argument("big", type=Path, help="another, with many more rows")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--requests", type=int, default=1_000)
    parser.add_argument("--json", type=Path, metavar="FILE")
    asked = parser.parse_args()
    figures = asyncio.run(compare(asked.small, asked.big, asked.rounds, asked.requests))
    about = {"machine": machine(), "versions": versions()}
    print_report(figures, about)
    if asked.json:
        write_json(asked.json, figures, about)
    return 0


if __name__ == "__main__":
    sys.exit(main())
