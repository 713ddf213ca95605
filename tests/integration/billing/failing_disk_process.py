"""Sends requests over a SQLite database whose Nth call to the system fails, for N = 1, 2, 3 …

Arguments: a folder, how many of the twenty requests, the step between two N, and errors. Prints as JSON
which N no longer came to a failure, for each error.
"""

import asyncio
import itertools
import json
import sys
from pathlib import Path

from tests.integration.billing.failing_disk import DATABASE, DiskPlan
from tests.integration.billing.failing_shop import RUNS, open_shop
from tests.integration.billing.twenty_requests import KINDS


async def reach(folder: Path, name: str, count: int, step: int) -> int:
    """Return the first N that is beyond the last call."""
    kinds, plan = KINDS[:count], DiskPlan.open()
    numbers = itertools.count(1, step)
    for round_ in itertools.count():
        async with open_shop(f"sqlite:///{folder / DATABASE}-{name}-{round_}", folder, plan) as shop:
            for at in itertools.islice(numbers, RUNS):
                if not await shop.run(f"{at}", at, name, kinds):
                    return at
    raise AssertionError


async def main(folder: Path, count: int, step: int, names: list[str]) -> None:
    """Sweep with each error."""
    plan = DiskPlan.open()
    plan.arm(0, "")
    print(json.dumps({name: await reach(folder, name, count, step) for name in names}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4:]))
