"""A gateway that keeps content and sweeps, for tests that kill it.

It says `=ID` once a record is kept, `kept` once all are, `.` after each sweep.
"""

import asyncio
import sys
from pathlib import Path

from sayso.db.session import Database
from tests.integration.retention.conftest import DAY, Vault


async def keep_and_sweep(url: str, folder: Path, records: int) -> None:
    """Keep some records, then sweep while their time runs out."""
    async with Database.open(url) as database:
        vault = Vault(database, folder, ())
        vault.store.start()
        for n in range(records):
            content = await vault.keep(f"text {n} " * 4_000)
            print(f"={content.record_id}", flush=True)
        print("kept", flush=True)
        vault.clock.advance(31 * DAY)
        while True:
            await vault.sweep()
            print(".", flush=True)


if __name__ == "__main__":
    asyncio.run(keep_and_sweep(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
