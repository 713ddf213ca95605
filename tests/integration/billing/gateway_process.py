"""One of several gateways as the ledger sees them: run as a program by the tests of limits."""

import asyncio
import json
import sys
from dataclasses import replace
from unittest.mock import patch

from sayso.billing.ledger import Ledger
from sayso.billing.reservation import Hold
from sayso.core.metering import Quantities
from sayso.db.session import Database
from sayso.errors import QuotaExceeded, RateLimited
from sayso.ids import ProjectId
from tests.integration.billing.conftest import CALLER, START, Clock, chat

WINDOWS = 5
CLIENTS = 25
ATTEMPTS = 2  # of every client, project and window
PROJECTS = ("by_requests", "by_tokens", "by_budget")
WORST = Quantities(30, 170)


async def offer(ledger: Ledger, project: str) -> Hold | None:
    """Ask once; return the hold if it is granted."""
    caller = replace(CALLER, project_id=ProjectId(project))
    try:
        return await ledger.reserve(replace(chat(caller=caller), worst=WORST))
    except (RateLimited, QuotaExceeded):
        return None


async def spend(url: str) -> None:
    """Print how many requests were admitted, by project and window; once told, settle all of them."""
    clock = Clock()
    admitted: dict[str, list[int]] = {project: [] for project in PROJECTS}
    holds: list[Hold] = []

    async def client(ledger: Ledger, project: str) -> list[Hold]:
        return [hold for _ in range(ATTEMPTS) if (hold := await offer(ledger, project))]

    async with Database.open(url) as database:
        ledger = Ledger.open(database, clock=clock)
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        for window in range(WINDOWS):
            clock.now = START + window * 60_000_000
            for project in PROJECTS:
                found = await asyncio.gather(*(client(ledger, project) for _ in range(CLIENTS)))
                admitted[project].append(sum(len(some) for some in found))
                holds += [hold for some in found for hold in some]
        # A settlement gives tokens back: not before the other gateway is through, too.
        print(json.dumps(admitted), flush=True)
        await asyncio.to_thread(sys.stdin.readline)
        await asyncio.gather(*(ledger.settle(hold, Quantities(30, 50), "completed") for hold in holds))
        await ledger.close()


if __name__ == "__main__":
    # The other gateway may have the write lock for long on a busy machine; here that is no failure.
    with (
        patch("sayso.core.patience.ADMISSION_SECONDS", 30.0),
    ):
        asyncio.run(spend(sys.argv[1]))
