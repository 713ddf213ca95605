"""Content is there for as long as its policy says, and no longer."""

from sayso.ids import ProjectId
from sayso.retention.content import Kept, NotKept
from sayso.retention.receipts import list_receipts, verify_chains, verify_receipt
from sayso.retention.tables import RetainedChunk, RetainedRecord, SweepRunRow
from tests.integration.retention.conftest import DAY, HOUR, ORG, PROJECT, Vault


async def test_content_is_readable_for_thirty_days_and_then_gone(vault: Vault) -> None:
    content = await vault.keep()
    location = await vault.key_of(content)
    vault.clock.advance(29 * DAY + 23 * HOUR)
    assert (await vault.sweep()).records == 0
    assert await vault.readable(content)
    assert vault.keys.key(location) is not None
    vault.clock.advance(2 * HOUR)
    assert not await vault.readable(content), "hidden before any sweep"
    run = await vault.sweep()
    assert run.counts == ((ORG, "K0", "expired", 1, content.size),)
    assert run.residue == {"sqlite": "none", "postgresql": "ciphertext"}[vault.database.kind]
    assert not await vault.readable(content)
    assert await vault.rows(RetainedRecord) == await vault.rows(RetainedChunk) == []
    assert vault.keys.key(location) is None
    assert list(vault.keys.files()) == []


async def test_a_receipt_can_be_checked(vault: Vault) -> None:
    content = await vault.keep()
    vault.clock.advance(31 * DAY)
    await vault.sweep()
    async with vault.database.read() as session:
        (receipt,) = await list_receipts(session, ORG)
    assert [record.id for record in receipt.records] == [content.record_id]
    assert (await verify_receipt(vault.database, vault.keys, receipt)).ok
    assert (await verify_chains(vault.database)).ok
    assert len(await vault.rows(SweepRunRow)) == 1


async def test_shorter_retention_acts_on_what_is_kept(vault: Vault) -> None:
    old = await vault.keep()
    vault.clock.advance(10 * DAY)
    young = await vault.keep()
    await vault.policy("days", 7)
    assert not await vault.readable(old), "at once, before any sweep"
    assert await vault.readable(young)
    assert (await vault.sweep()).records == 1
    vault.clock.advance(7 * DAY)
    assert not await vault.readable(young)


async def test_longer_retention_brings_nothing_back(vault: Vault) -> None:
    await vault.policy("days", 7)
    content = await vault.keep()
    vault.clock.advance(1 * DAY)
    await vault.policy("default")
    await vault.sweep()
    vault.clock.advance(6 * DAY)
    assert not await vault.readable(content)
    kept = await vault.keep()
    vault.clock.advance(29 * DAY)
    assert await vault.readable(kept)


async def test_loosening_before_the_sweep_brings_nothing_back_either(vault: Vault) -> None:
    content = await vault.keep()
    vault.clock.advance(8 * DAY)
    await vault.policy("days", 7)
    vault.clock.advance(1)
    await vault.policy("default")
    assert not await vault.readable(content)
    assert (await vault.sweep()).records == 1


async def test_a_project_without_retention_in_an_organization_with(vault: Vault) -> None:
    other = ProjectId("proj_2")
    await vault.policy("zero", project=PROJECT)
    refused = vault.content()
    assert await vault.store.store(refused) == NotKept()
    kept = await vault.keep(project_id=other)
    assert [row["id"] for row in await vault.rows(RetainedRecord)] == [kept.record_id]
    assert await vault.readable(kept)
    await vault.policy("zero")
    assert not await vault.readable(kept)
    assert (await vault.sweep()).records == 1
    await vault.policy("default", project=PROJECT)
    assert await vault.store.store(vault.content()) == NotKept(), "the strictest wins"


async def test_what_is_not_kept_leaves_no_key(vault: Vault) -> None:
    await vault.policy("zero")
    for _ in range(3):
        await vault.keep()
    assert all(not vault.keys.live_slots(name) for name in vault.keys.files())
    assert await vault.rows(RetainedChunk) == []


async def test_stored_only_keeps_what_was_asked_for(vault: Vault) -> None:
    await vault.policy("stored_only")
    unasked, asked = vault.content(), vault.content(stored=True)
    assert vault.store.keep(unasked)
    assert isinstance(await vault.store.store(asked), Kept)
    assert (await vault.readable(unasked), await vault.readable(asked)) == (False, True)


async def test_a_clock_that_leaps_destroys_nothing_early(vault: Vault) -> None:
    content = await vault.keep()
    await vault.sweep()
    vault.clock.jump(31 * DAY)
    assert await vault.sweeper.sweep() is None
    vault.clock.advance(HOUR)
    assert await vault.sweeper.sweep() is None
    vault.clock.jump(-31 * DAY)
    assert (await vault.sweep()).records == 0
    assert await vault.readable(content)
    vault.clock.advance(31 * DAY)
    assert (await vault.sweep()).records == 1
