"""A sweep that is killed leaves no record half destroyed, and the next one goes on."""

import asyncio
import contextlib
import random
import sys
from asyncio.subprocess import PIPE

import pytest

from sayso.errors import ObjectNotFound
from sayso.retention.receipts import list_receipts, verify_chains, verify_receipt
from sayso.retention.tables import RetainedChunk, RetainedRecord
from tests.integration.retention.conftest import DAY, ORG, PROJECT, Vault

COMMAND = (sys.executable, "-m", "tests.integration.retention.killable_retention")
RECORDS = 16


async def killed(vault: Vault, url: str, seconds: float) -> set[str]:
    """Kill a process a moment after it has begun to sweep; return what it had kept."""
    arguments = (*COMMAND, url, str(vault.folder), str(RECORDS))
    process = await asyncio.create_subprocess_exec(*arguments, stdout=PIPE)
    assert process.stdout is not None
    kept: set[str] = set()
    while (line := (await process.stdout.readline()).decode().strip()) != "kept":
        assert line.startswith("="), line
        kept.add(line[1:])
    await asyncio.sleep(seconds)
    process.kill()
    await process.wait()
    return kept


async def check(vault: Vault, kept: set[str]) -> tuple[int, int]:
    """Whatever is left is whole, whatever has lost its key can not be read; return how many of each."""
    whole = 0
    vault.clock.now -= int(31 * DAY * 1e6)
    for row in await vault.rows(RetainedRecord):
        with contextlib.suppress(ObjectNotFound):
            found = await vault.reader.get(ORG, PROJECT, row["id"])
            assert len(found.parts["request"]) == row["size"] - len(found.parts["answer"])
            whole += 1
    vault.clock.now += int(31 * DAY * 1e6)
    assert (await verify_chains(vault.database)).ok
    async with vault.database.read() as session:
        receipts = await list_receipts(session, ORG, limit=10_000)
    gone = {record.id for receipt in receipts for record in receipt.records}
    there = {row["id"] for row in await vault.rows(RetainedRecord)}
    assert kept <= gone | there
    assert not gone & there
    return whole, len(gone)


async def kills(vault: Vault, url: str, count: int) -> None:
    chance, kept, interrupted = random.Random(7), set[str](), 0
    vault.clock.advance(31 * DAY)
    for _ in range(count):
        new = await killed(vault, url, chance.random() * 0.05)
        kept |= new
        await check(vault, kept)
        interrupted += bool(await vault.rows(RetainedRecord))
        vault.sweeper = vault.new_sweeper()
        await vault.sweep()
        assert await vault.rows(RetainedRecord) == await vault.rows(RetainedChunk) == []
        assert (await check(vault, kept)) == (0, len(kept))
    assert interrupted, "no kill came in time"
    async with vault.database.read() as session:
        receipts = await list_receipts(session, ORG, limit=10_000)
    for receipt in receipts:
        assert (await verify_receipt(vault.database, vault.keys, receipt)).ok


async def test_five_kills_leave_nothing_half_destroyed(vault: Vault, database_url: str) -> None:
    await kills(vault, database_url, 5)


@pytest.mark.long
@pytest.mark.timeout(900)
async def test_fifty_kills_leave_nothing_half_destroyed(vault: Vault, database_url: str) -> None:
    await kills(vault, database_url, 50)
