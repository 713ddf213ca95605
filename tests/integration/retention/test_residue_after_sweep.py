"""After the sweep nobody can read the content who has every file; before it, anybody can who has the keys."""

import asyncio
import math
from collections import Counter

import pytest
from sqlalchemy import select, text

from sayso.retention.clock import day_of
from sayso.retention.erasure import request_erasure
from sayso.retention.legal_holds import list_holds, place_hold, release_hold
from sayso.retention.residue.needles import text_needles
from sayso.retention.residue.scan import scan
from sayso.retention.tables import RetainedChunk
from tests.integration.retention.conftest import CANARY, DAY, HOUR, ORG, PROJECT, Vault


async def test_expired_content_can_be_read_until_the_sweep_and_by_nobody_after_it(vault: Vault) -> None:
    """The first half is the control: with the sweep off, the same look at the same files reads it."""
    content = await vault.keep()
    neighbour = await vault.keep("a neighbour of the same day that is younger by an hour")
    evidence = await vault.gather(content)
    vault.clock.advance(30 * DAY + HOUR)
    before = await vault.judge(evidence)
    assert before.opened
    assert before.ciphertext
    assert {hit.encoding for hit in before.keys} == {"wrapped"}
    assert not before.plaintext, "it never lay in a file"
    await vault.sweep()
    after = await vault.judge(evidence)
    assert not after.readable, after
    assert after.clean or vault.database.kind == "postgresql"
    assert not await vault.readable(neighbour)


async def test_the_search_for_text_would_find_it(vault: Vault) -> None:
    content = await vault.keep()
    evidence = await vault.gather(content)
    (vault.folder / "a log that says too much").write_text(CANARY)
    assert (await vault.judge(evidence)).plaintext


async def test_younger_content_of_the_same_day_survives(vault: Vault) -> None:
    old = await vault.keep()
    vault.clock.advance(2 * HOUR)
    young = await vault.keep()
    evidence, other = await vault.gather(old), await vault.gather(young)
    vault.clock.advance(30 * DAY - HOUR)
    assert (await vault.sweep()).records == 1
    assert not (await vault.judge(evidence)).readable
    assert (await vault.judge(other)).opened
    assert await vault.readable(young)


async def test_a_long_upload_goes_as_a_short_text_does(vault: Vault) -> None:
    sound = bytes(range(256)) * 4 * 1024 * 5  # 5 MiB
    content = await vault.keep(parts={"audio": sound, "request": CANARY.encode(), "answer": b""})
    assert await vault.readable(content)
    evidence = await vault.gather(content)
    vault.clock.advance(31 * DAY)
    run = await vault.sweep()
    assert run.bytes == content.size
    judged = await vault.judge(evidence)
    assert not judged.readable
    assert judged.clean or vault.database.kind == "postgresql"


async def test_a_reader_that_stays_delays_the_bytes_and_not_the_key(vault: Vault) -> None:
    content = await vault.keep()
    evidence = await vault.gather(content)
    async with vault.database.read() as reader:
        assert list(await reader.scalars(select(RetainedChunk.record_id)))
        vault.clock.advance(31 * DAY)
        sweep = asyncio.create_task(vault.sweeper.sweep())
        while not sweep.done():
            await asyncio.sleep(0.05)
            vault.clock.advance(1)
        run = sweep.result()
        assert run is not None
        assert run.residue == {"sqlite": "busy", "postgresql": "ciphertext"}[vault.database.kind]
        assert not (await vault.judge(evidence)).readable
        assert await vault.rows(RetainedChunk) == []
        written = vault.keep()
        await asyncio.wait_for(written, 5)
    assert (await vault.sweep()).residue != "busy"
    judged = await vault.judge(evidence)
    assert judged.clean or vault.database.kind == "postgresql"


async def test_bytes_that_a_reader_keeps_delay_no_other_key(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    contents = [await vault.keep(f"text {number}") for number in range(2)]
    clear, tried, swept = vault.database.clear_log, asyncio.Event(), asyncio.Event()

    async def watched() -> bool:
        cleared = await clear()
        tried.set()
        return cleared

    monkeypatch.setattr(vault.database, "clear_log", watched)
    vault.sweeper.on_run = lambda _: swept.set()
    vault.sweeper.start(every=3_600)
    async with asyncio.timeout(10):
        await swept.wait()
    async with vault.database.read() as reader:
        assert list(await reader.scalars(select(RetainedChunk.record_id)))
        for content in contents:
            location = await vault.key_of(content)
            tried.clear()
            async with vault.database.transaction() as session:
                await request_erasure(
                    session,
                    organization_id=ORG,
                    scope_kind="record",
                    scope_id=content.record_id,
                    actor="user_1",
                    now=vault.clock.now,
                )
            vault.sweeper.wake()
            async with asyncio.timeout(5):
                while vault.keys.key(location) is not None:  # noqa: ASYNC110 - in the file, by a thread
                    await asyncio.sleep(0.02)
                await tried.wait()  # and now it waits for the reader, its clock standing still
    await vault.sweeper.close()


async def test_a_restored_backup_has_no_readable_content(vault: Vault) -> None:
    """The keys are in no backup, so what was destroyed since stays destroyed."""
    content, younger = await vault.keep(), await vault.keep(created_at=vault.clock.now + int(5 * DAY * 1e6))
    async with vault.database.read() as session:
        tables = ("retained_records", "retained_chunks")
        backup = {
            name: list((await session.execute(text(f"SELECT * FROM {name}"))).mappings()) for name in tables
        }
    evidence = await vault.gather(content)
    vault.clock.advance(31 * DAY)
    await vault.sweep()
    async with vault.database.transaction() as session:
        await session.execute(text("DELETE FROM retained_chunks"))
        await session.execute(text("DELETE FROM retained_records"))
        for name, rows in backup.items():
            columns = ", ".join(map(str, rows[0]))
            values = ", ".join(f":{column}" for column in rows[0])
            statement = text(f"INSERT INTO {name} ({columns}) VALUES ({values})")
            await session.execute(statement, [dict(row) for row in rows])
    judged = await vault.judge(evidence)
    assert judged.ciphertext, "the backup brought it back"
    assert not judged.readable
    vault.clock.jump(-3 * DAY)  # were it not expired, it could not be read all the same
    assert not await vault.readable(content)
    assert await vault.readable(younger)
    vault.sweeper = vault.new_sweeper()
    assert [count[2:4] for count in (await vault.sweep()).counts] == [("unreadable", 1)]
    assert await vault.readable(younger)


async def test_columns_hold_ciphertext_alone(vault: Vault) -> None:
    for n in range(20):
        await vault.keep(f"{CANARY} {n} " * 400)
    content = b"".join(row["ciphertext"] for row in await vault.rows(RetainedChunk))
    assert len(content) > 200_000
    print(f"{entropy(content):.4f} bits in a byte")
    assert entropy(content) >= 7.9
    assert entropy((CANARY * 4_000).encode()) < 5
    await vault.settle_files()
    assert scan(vault.written, text_needles("canary", CANARY)) == []


CONFIDED = "said in the clear, on purpose: 4711 herrings"  # other tests share the server and its files


async def test_plain_text_in_the_database_would_be_found_in_its_files(vault: Vault) -> None:
    """The control: in the tables and in the log of writes, and there it stays when its row has gone.

    Of several rows one alone can lie across the end of a page of the log, where a header parts it.
    """
    async with vault.database.transaction() as session:
        await session.execute(text("CREATE TABLE confided (said TEXT)"))
        await session.execute(text("INSERT INTO confided VALUES (:said)"), [{"said": CONFIDED}] * 3)
    await vault.settle_files()
    found = {hit.path.parent.name for hit in scan(vault.written, text_needles("confided", CONFIDED))}
    if vault.database.kind == "postgresql":
        assert "pg_wal" in found
        assert len(found) == 2, "and the tables"
    else:
        assert found
    async with vault.database.transaction() as session:
        await session.execute(text("DELETE FROM confided"))
    await vault.settle_files()
    kept = scan(vault.written, text_needles("confided", CONFIDED))
    assert bool(kept) or vault.database.kind == "sqlite"


async def test_a_legal_hold_keeps_what_is_there_and_nothing_else(vault: Vault) -> None:
    content = await vault.keep()
    async with vault.database.transaction() as session:
        hold = await place_hold(
            session,
            organization_id=ORG,
            project_id=PROJECT,
            reason="Example ./. Example, 1 O 23/26",
            actor="user_1",
            now=vault.clock.now,
        )
    await vault.policy("zero")
    vault.clock.advance(31 * DAY)
    refused = await vault.keep()
    assert (await vault.sweep()).records == 0
    assert not await vault.readable(content), "nobody is shown what has expired"
    assert (await vault.judge(await vault.gather(content))).opened
    assert len(await vault.rows(RetainedChunk)) == len(content.parts)
    async with vault.database.read() as session:
        assert await list_holds(session, ORG) == [hold]
    async with vault.database.transaction() as session:
        released = await release_hold(session, ORG, hold.id, actor="user_2", now=vault.clock.now)
    assert released.released_by == "user_2"
    assert (await vault.sweep()).records == 1
    assert await vault.rows(RetainedChunk) == []
    assert not await vault.readable(refused)


async def test_keys_of_days_without_rows_go_after_their_time(vault: Vault) -> None:
    """As after a crash between a key and its row."""
    (lost,) = vault.keys.issue(ORG, "2023-03-01", 1, durable=True)
    vault.clock.advance(2 * DAY)
    await vault.sweep()
    assert vault.keys.key(lost.location) is not None
    vault.clock.advance(31 * DAY)
    assert (await vault.sweep()).key_files == (lost.location.file,)
    assert list(vault.keys.files()) == []


async def test_a_key_nobody_names_goes_the_next_day(vault: Vault) -> None:
    content = await vault.keep()
    (lost,) = vault.keys.issue(ORG, "2023-03-01", 1, durable=True)
    assert (await vault.key_of(content)).file == lost.location.file
    vault.clock.advance(2 * DAY)
    await vault.sweep()
    assert vault.keys.key(lost.location) is None
    assert await vault.readable(content)


async def test_a_key_whose_row_is_still_under_way_is_left_alone(vault: Vault) -> None:
    """Also where the request began long before: its key is of the day on which it is written."""
    content = await vault.keep(created_at=vault.clock.now - int(2 * DAY * 1e6))
    (waiting,) = vault.keys.issue(ORG, day_of(vault.clock.now), 1, durable=True)
    assert (await vault.key_of(content)).file == waiting.location.file
    await vault.sweep()
    assert vault.keys.key(waiting.location) == waiting.key


def entropy(content: bytes) -> float:
    """Bits in a byte."""
    shares = [count / len(content) for count in Counter(content).values()]
    return -sum(share * math.log2(share) for share in shares)
