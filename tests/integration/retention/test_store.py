"""Content gets into the database without anybody waiting, and what was asked for gets in for certain."""

import asyncio

import pytest
from sqlalchemy import Connection, delete, event

from sayso.db.session import Database
from sayso.errors import ConfigurationError, StorageUnavailable
from sayso.retention.binding import bind_key_store
from sayso.retention.content import Kept
from sayso.retention.key_store import KeyStore
from sayso.retention.receipts import (
    DestroyedRecord,
    append_receipt,
    from_document,
    list_receipts,
    verify_chains,
    verify_receipt,
)
from sayso.retention.sealing import CHUNK_BYTES, ContentAltered
from sayso.retention.store import TRANSACTION_BYTES, RetentionStore
from sayso.retention.sweep import SweepRun
from sayso.retention.tables import DeletionReceiptRow, RetainedChunk, RetainedRecord
from tests.integration.retention.conftest import DAY, ORG, PROJECT, Vault


async def test_overload_drops_what_nobody_asked_for(vault: Vault) -> None:
    small = RetentionStore.open(vault.database, vault.keys, clock=vault.clock, queue_bytes=10_000)
    unasked = [vault.content("x" * 4_000) for _ in range(4)]
    assert [small.keep(one) for one in unasked] == [True, True, False, False]
    asked = [vault.content("x" * 4_000, stored=True) for _ in range(4)]
    storing = [asyncio.create_task(small.store(one)) for one in asked]
    await asyncio.sleep(0)
    small.start()
    assert all(isinstance(one, Kept) for one in await asyncio.gather(*storing))
    await small.close()
    assert small.dropped == 2
    assert [await vault.readable(one) for one in [*unasked, *asked]] == [True] * 2 + [False] * 2 + [True] * 4
    assert not small.keep(vault.content())
    with pytest.raises(StorageUnavailable):
        await small.store(vault.content(stored=True))


async def test_a_storage_that_fails_loses_the_unasked_and_says_so_of_the_asked(vault: Vault) -> None:
    engine = vault.store._writer._engine
    broken = True

    @event.listens_for(engine, "begin")
    def fail(_: Connection) -> None:
        if broken:
            raise StorageUnavailable

    lost, refused = vault.content(), vault.content(stored=True)
    assert vault.store.keep(lost)
    with pytest.raises(StorageUnavailable):
        await vault.store.store(refused)
    await vault.store.flush()
    assert vault.store.dropped == 1
    assert all(not vault.keys.live_slots(name) for name in vault.keys.files())
    broken = False
    assert await vault.store.store(refused) == Kept(vault.clock.now + int(30 * DAY * 1e6))
    assert await vault.readable(refused)
    assert not await vault.readable(lost)


async def test_a_long_upload_is_written_in_short_transactions(vault: Vault) -> None:
    written: list[int] = []
    engine = vault.store._writer._engine

    @event.listens_for(engine, "before_cursor_execute")
    def count(_c: object, _u: object, statement: str, parameters: object, *_: object) -> None:
        if "INTO retained_chunks" in statement:
            written.append(len(parameters) if isinstance(parameters, list) else 1)

    upload = b"\x01\x02" * (2 * 1024 * 1024)
    content = await vault.keep(parts={"audio": upload, "request": b"{}", "answer": b"hello"})
    assert await vault.readable(content)
    assert sum(written) == len(upload) // CHUNK_BYTES + 2
    assert max(written) <= TRANSACTION_BYTES // CHUNK_BYTES
    sizes = [len(row["ciphertext"]) for row in await vault.rows(RetainedChunk)]
    assert max(sizes) <= CHUNK_BYTES + 16


async def test_a_record_that_was_never_finished_is_not_shown_and_goes(vault: Vault) -> None:
    content = await vault.keep()
    async with vault.database.transaction() as session:
        (await session.get_one(RetainedRecord, content.record_id)).complete = 0
    assert not await vault.readable(content)
    assert (await vault.sweep()).records == 0
    vault.clock.advance(2 * 3_600)
    assert [count[2] for count in (await vault.sweep()).counts] == ["unfinished"]
    assert await vault.rows(RetainedChunk) == []


async def test_the_same_id_twice_is_an_error_of_the_second(vault: Vault) -> None:
    content = await vault.keep()
    with pytest.raises(Exception, match="retained_records"):
        await vault.store.store(vault.content(record_id=content.record_id, stored=True))
    assert await vault.readable(content)
    assert await vault.readable(await vault.keep("the writer goes on"))


async def test_many_gateways_keep_and_sweep_at_once(vault: Vault, database_url: str) -> None:
    async with Database.open(database_url) as database:
        other = Vault(database, vault.folder, vault.files, clock=vault.clock)
        other.store.start()
        contents = await asyncio.gather(*((vault, other)[n % 2].keep(f"text {n}") for n in range(60)))
        assert all([await vault.readable(one) for one in contents])
        assert all([await other.readable(one) for one in contents])
        vault.clock.advance(31 * DAY)
        runs = await asyncio.gather(vault.sweep(), other.sweep())
        assert sum(run.records for run in runs) == 60
        assert await vault.rows(RetainedRecord) == await vault.rows(RetainedChunk) == []
        assert sum(row["records"] for row in await vault.rows(DeletionReceiptRow)) == 60
        assert (await verify_chains(vault.database)).ok
        await other.store.close()
        other.keys.close()


async def test_a_sweeper_that_is_woken_sweeps(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    content = await vault.keep()
    runs: asyncio.Queue[SweepRun | None] = asyncio.Queue()
    once = vault.sweeper.sweep

    async def sweep() -> SweepRun | None:
        run = await once()
        runs.put_nowait(run)
        return run

    monkeypatch.setattr(vault.sweeper, "sweep", sweep)
    vault.sweeper.start(every=3_600)
    async with asyncio.timeout(20):
        first = await runs.get()
        vault.clock.advance(31 * DAY)
        vault.sweeper.wake()
        second = await runs.get()
    await vault.sweeper.close()
    assert first is not None
    assert second is not None
    assert (first.records, second.records) == (0, 1)
    assert not await vault.readable(content)


@pytest.mark.parametrize("error", [StorageUnavailable(), RuntimeError("a mistake of ours")])
async def test_a_sweep_that_fails_is_followed_by_another(
    vault: Vault, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    tried: asyncio.Queue[None] = asyncio.Queue()

    async def fail() -> SweepRun | None:
        tried.put_nowait(None)
        raise error

    monkeypatch.setattr(vault.sweeper, "sweep", fail)
    vault.sweeper.start(every=0.001)
    async with asyncio.timeout(20):
        for _ in range(3):
            await tried.get()
    await vault.sweeper.close()


async def test_a_policy_is_seen_within_half_a_second(vault: Vault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (await vault.store.policy(ORG, PROJECT)).days == 30
    await vault.policy("days", 3)
    monkeypatch.setattr("sayso.retention.store.POLICY_SECONDS", 0.0)
    assert (await vault.store.policy(ORG, PROJECT)).days == 3


async def test_ciphertext_that_was_tampered_with_says_so(vault: Vault) -> None:
    content = await vault.keep()
    async with vault.database.transaction() as session:
        chunk = await session.get_one(RetainedChunk, (content.record_id, 0))
        chunk.ciphertext = bytes([chunk.ciphertext[0] ^ 1]) + chunk.ciphertext[1:]
    with pytest.raises(ContentAltered):
        await vault.readable(content)


async def test_a_receipt_that_lies_is_found_out(vault: Vault) -> None:
    first = await vault.keep()
    vault.clock.advance(31 * DAY)
    await vault.sweep()
    kept = await vault.keep()
    async with vault.database.read() as session:
        (receipt,) = await list_receipts(session, ORG)
    place = (vault.database, vault.keys)
    assert (await verify_receipt(*place, receipt)).ok
    assert receipt.records[0].id == first.record_id
    document = receipt.as_document()
    assert from_document(document) == receipt
    (whole,) = document["records"]
    lies: tuple[dict[str, object], ...] = (
        {"records": [[*whole[:3], 1]]},
        {"destroyed_at": 1},
        {"organization_id": "org_2"},
        {"records": []},
    )
    for lie in lies:
        assert not (await verify_receipt(*place, from_document({**document, **lie}))).ok
    async with vault.database.transaction() as session:
        location = await vault.key_of(kept)
        claimed = DestroyedRecord(kept.record_id, location, kept.size)
        false = await append_receipt(
            session,
            organization_id=ORG,
            project_id=PROJECT,
            class_id="K0",
            cause="expired",
            records=[claimed],
            now=vault.clock.now,
        )
    assert "still in the database" in (await verify_receipt(*place, false)).fault
    async with vault.database.transaction() as session:
        await session.execute(delete(RetainedChunk))
        await session.execute(delete(RetainedRecord))
    assert "still in the key store" in (await verify_receipt(*place, false)).fault
    assert (await verify_chains(vault.database)).ok
    with pytest.raises(Exception, match="append-only"):
        async with vault.database.transaction() as session:
            (await session.get_one(DeletionReceiptRow, 1)).bytes = 1


async def test_one_database_has_one_key_store(vault: Vault) -> None:
    await bind_key_store(vault.database, vault.keys, now=1)
    await bind_key_store(vault.database, KeyStore.open(vault.folder), now=2)
    other = KeyStore.open(vault.folder.parent / "other-keys")
    with pytest.raises(ConfigurationError, match="every gateway of one database needs the same"):
        await bind_key_store(vault.database, other, now=3)
    await bind_key_store(vault.database, other, now=4, replace=True)
    with pytest.raises(ConfigurationError):
        await bind_key_store(vault.database, vault.keys, now=5)
