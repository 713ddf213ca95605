"""`python -m bench.fill_ledger`: a database with as many ledger entries as asked for, made from nothing.

    python -m bench.fill_ledger FOLDER --rows 10000000 [--database-url postgresql://…]

The rows are those that the server would have written over a year for 59 keys of 11 organizations, one of
which has nine tenths of all requests; `sayso ledger verify` accepts them. A chat's charge is three entries,
that of speech two. FOLDER is a new data folder; `filled.json` in it names the keys of the large organization.
"""

import argparse
import asyncio
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from bench.books import MICRO, Books
from bench.bulk_load import loader
from bench.traffic import Traffic, populate
from sayso.app.tenancy import open_tenancy
from sayso.billing.price_book import in_force, load_books
from sayso.config import Settings, load_settings

NOTE = "filled.json"
CHUNK = 20_000  # requests that are written at once
ENTRIES_EACH = 2.85  # of one request, about


@dataclass(frozen=True, slots=True)
class Filled:
    """What a filled folder holds; `key` and `admin_key` are the large organization's."""

    database_url: str
    key: str
    admin_key: str
    requests: int
    entries: int
    end: int  # Unix microseconds


def read_note(folder: Path) -> Filled:
    """Return what `fill` has written."""
    return Filled(**orjson.loads((folder / NOTE).read_bytes()))


async def fill(folder: Path, rows: int, database_url: str | None = None) -> Filled:
    """Fill the empty database of a new data folder with about `rows` ledger entries; return what it holds."""
    settings = _settings(folder, database_url)
    tenancy = await open_tenancy(settings)
    async with tenancy.database as database:
        population = await populate(tenancy)
        async with database.read() as session:
            books = await (await session.connection()).run_sync(load_books)
    end = time.time_ns() // 1_000 - 10 * MICRO
    traffic = Traffic(population, in_force(books, end), end)
    requests, entries = await asyncio.to_thread(_write, settings.database_url, traffic, rows, end)
    filled = Filled(settings.database_url, population.key, population.admin_key, requests, entries, end)
    (folder / NOTE).write_bytes(orjson.dumps(asdict(filled)))
    return filled


def _settings(folder: Path, database_url: str | None) -> Settings:
    config = folder / "fill.toml"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    config.write_text(f'database_url = "{database_url}"\n' if database_url else "", encoding="utf-8")
    return load_settings(config, data_dir=folder)


def _write(url: str, traffic: Traffic, rows: int, end: int) -> tuple[int, int]:
    """Write until there are `rows` entries; return how many requests and entries there are then."""
    books, requests, last = Books(end), 0, 0
    with loader(url) as target:
        while books.entries < rows:
            count = max(1, min(CHUNK, int((rows - books.entries) / ENTRIES_EACH)))
            begun = max(last, traffic.until(books.entries / rows))
            ended = traffic.until(min(1.0, (books.entries + count * ENTRIES_EACH) / rows))
            step = max(1, (ended - begun) // (count + 1))
            for record in traffic.records(range(begun + step, begun + step * count + 1, step)):
                books.add(record)
            requests, last = requests + count, begun + step * count
            for table, complete in books.take():
                target.load(table, complete)
            if requests % (10 * CHUNK) == 0:
                print(f"{books.entries:,} entries", flush=True)
        for table, complete in books.rest():
            target.load(table, complete)
        target.settle()
    return requests, books.entries


def main() -> int:
    """Fill, and say how long it took."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.fill_ledger", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("folder", type=Path, help="a new data folder")
    parser.add_argument("--rows", type=int, required=True, help="ledger entries")
    parser.add_argument("--database-url", help="an empty PostgreSQL database; otherwise SQLite in the folder")
    asked = parser.parse_args()
    begun = time.perf_counter()
    filled = asyncio.run(fill(asked.folder, asked.rows, asked.database_url))
    seconds = time.perf_counter() - begun
    print(f"{filled.entries:,} entries of {filled.requests:,} requests in {seconds:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
