"""A process that reserves and settles as fast as it can, for tests that kill it.

It prints `+ID` once a hold is granted and `=ID` once a charge is durable.
"""

import asyncio
import sys
from dataclasses import replace

from sayso.billing.ledger import Ledger
from sayso.billing.reservation import Reservation
from sayso.core.caller import Caller
from sayso.core.metering import Quantities
from sayso.db.session import Database
from sayso.ids import KeyId, OrgId, ProjectId, new_request_id

WORST, ACTUAL = Quantities(10, 20), Quantities(9, 4)
TEMPLATE = Reservation(
    request_id=new_request_id(),
    caller=Caller(OrgId("org_1"), ProjectId("proj_1"), KeyId("key_1")),
    endpoint="chat.completions",
    kind="chat",
    model="gpt-3.5-turbo",
    snapshot="smollm2",
    streamed=False,
    worst=WORST,
)


async def serve(url: str, clients: int, requests: int) -> None:
    """Run `requests` requests by `clients` at once."""
    async with Database.open(url) as database:
        ledger = Ledger.open(database)
        left = iter(range(requests))

        async def client() -> None:
            for _ in left:
                hold = await ledger.reserve(replace(TEMPLATE, request_id=new_request_id()))
                print(f"+{hold.request_id}", flush=True)
                await ledger.settle(hold, ACTUAL, "completed")
                print(f"={hold.request_id}", flush=True)

        await asyncio.gather(*(client() for _ in range(clients)))
        await ledger.close()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
