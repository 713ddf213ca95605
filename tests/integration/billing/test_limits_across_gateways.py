"""Limits and budgets are exact with fifty clients on two gateways, on either database."""

import asyncio
import itertools
import json
import sys

from sayso.billing.tables import AccountBalance, Counter, HoldRow, LedgerTransaction, UsageEventRow
from tests.integration.billing.conftest import Books
from tests.integration.billing.gateway_process import PROJECTS, WINDOWS, WORST

REQUESTS = 60
TOKENS = 10_000
BUDGETED = 70  # requests


class GatewayProcess:
    """A gateway's ledger in a process of its own, a line to it and a line from it at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def hear(self) -> str:
        assert self.process.stdout is not None
        return (await self.process.stdout.readline()).decode()

    def tell(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"go on\n")

    async def end(self) -> None:
        _, errors = await self.process.communicate()
        assert self.process.returncode == 0, errors.decode()


async def start(url: str) -> GatewayProcess:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.integration.billing.gateway_process", url,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    gateway = GatewayProcess(process)
    assert await gateway.hear() == "open\n"
    return gateway


async def test_two_gateways_admit_exactly_the_limit(books: Books, database_url: str) -> None:
    worst = (WORST.prompt_tokens + WORST.completion_tokens) * 2_000
    await books.limit("requests", REQUESTS, scope_id="by_requests")
    await books.limit("tokens", TOKENS, scope_id="by_tokens")
    await books.budget(BUDGETED * worst, scope_id="by_budget")
    gateways = await asyncio.gather(start(database_url), start(database_url))
    for gateway in gateways:
        gateway.tell()
    one, other = (json.loads(answer) for answer in [await gateway.hear() for gateway in gateways])
    for gateway in gateways:
        gateway.tell()
    await asyncio.gather(*(gateway.end() for gateway in gateways))
    total = {p: [a + b for a, b in zip(one[p], other[p], strict=True)] for p in PROJECTS}
    assert total["by_requests"] == [REQUESTS] * WINDOWS
    assert total["by_tokens"] == [TOKENS // 200] * WINDOWS
    assert sum(total["by_budget"]) == BUDGETED
    settled = sum(map(sum, total.values()))

    events = await books.rows(UsageEventRow)
    assert len(events) == settled
    assert {event["charge"] for event in events} == {160_000}
    assert {hold["state"] for hold in await books.rows(HoldRow)} == {"settled"}
    assert {counter["held"] for counter in await books.rows(Counter)} == {0}
    balances = {row["account"]: row["balance"] for row in await books.rows(AccountBalance)}
    assert balances["org:org_1:receivable"] == settled * 160_000
    assert sum(balances.values()) == 0
    chain = await books.rows(LedgerTransaction)
    assert [row["id"] for row in chain] == list(range(1, settled + 1))
    assert all(row["previous_hash"] == before["hash"] for before, row in itertools.pairwise(chain))
