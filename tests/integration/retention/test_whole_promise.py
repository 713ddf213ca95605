"""The data promise as a gateway opens it, in real time."""

import asyncio
import time
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from sqlalchemy import select, text

from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ConfigurationError, ObjectNotFound
from sayso.ids import OrgId, ProjectId
from sayso.retention.clock import wall_clock
from sayso.retention.content import Content, Kept
from sayso.retention.erasure import request_erasure
from sayso.retention.policies import get_policy, get_setting, history
from sayso.retention.policy import RetentionPolicy
from sayso.retention.residue.evidence import gather, judge
from sayso.retention.service import Retention
from sayso.retention.tables import RetainedChunk
from tests.integration.retention.conftest import CANARY, ORG, PROJECT, files_of

MOMENT = "2026-03-01 12:30:00+00"


@pytest.fixture
async def db(database_url: str) -> AsyncGenerator[Database]:
    async with Database.open(database_url) as database:
        await migrate(database)
        yield database


async def test_what_was_asked_for_before_is_in_force(database_url: str) -> None:
    """Organizations could ask for zero retention before anything was kept."""
    async with Database.open(database_url) as db:
        await migrate(db, "0005")
        asked = ("zero_data_retention", None, "modified_abuse_monitoring", "enhanced_zero_data_retention")
        async with db.transaction() as session:
            for n, word in enumerate(asked):
                organization = (
                    "INSERT INTO organizations (id, slug, name, created_at, data_retention) "
                    "VALUES (:id, :id, 'o', :at, :word)"
                )
                at = MOMENT if db.kind == "postgresql" else MOMENT[:-3]
                await session.execute(text(organization), {"id": f"org_{n}", "at": at, "word": word})
            project = (
                "INSERT INTO projects (id, organization_id, name, created_at, data_retention) "
                "VALUES ('proj_1', 'org_1', 'p', :at, 'zero_data_retention')"
            )
            await session.execute(text(project), {"at": at})
        await migrate(db)
        async with db.read() as session:
            modes = [(await get_setting(session, OrgId(f"org_{n}"))).mode for n in range(4)]
            assert modes == ["zero", "default", "stored_only", "zero"]
            assert await get_policy(session, OrgId("org_1"), ProjectId("proj_1")) == RetentionPolicy(0, 0)
            assert await get_policy(session, OrgId("org_1"), ProjectId("proj_2")) == RetentionPolicy(30, 30)
            assert [one.actor for one in await history(session, OrgId("org_1"))] == ["migration"]


async def test_a_gateway_opens_it_and_another_folder_is_refused(db: Database, tmp_path: Path) -> None:
    promise = await Retention.open(db, tmp_path / "keys")
    promise.start()
    content = chat()
    assert isinstance(await promise.store.store(content), Kept)
    found = await promise.reader.get(ORG, PROJECT, content.record_id)
    assert dict(found.parts) == dict(content.parts)
    await promise.close()
    again = await Retention.open(db, tmp_path / "keys")
    assert (await again.reader.get(ORG, PROJECT, content.record_id)) == found
    with pytest.raises(ConfigurationError):
        await Retention.open(db, tmp_path / "other-keys")
    lower = await Retention.open(db, tmp_path / "keys", ceiling_days=0)
    run = await lower.sweeper.sweep()
    assert run is not None
    assert run.records == 1
    for one in (again, lower):
        await one.close()


@pytest.mark.long
@pytest.mark.timeout(150)
async def test_an_erasure_under_a_reader_that_stays_for_a_minute(
    request: pytest.FixtureRequest, database_url: str, db: Database, tmp_path: Path
) -> None:
    promise = await Retention.open(db, tmp_path / "keys")
    promise.start()
    content = chat()
    await promise.store.store(content)
    evidence = await gather(db, promise.keys, content.record_id, ())
    files = files_of(request, database_url, tmp_path)
    async with db.read() as reader:
        assert list(await reader.scalars(select(RetainedChunk.record_id)))
        started = time.monotonic()
        async with db.transaction() as session:
            await request_erasure(
                session,
                organization_id=ORG,
                scope_kind="record",
                scope_id=content.record_id,
                actor="user_1",
                now=wall_clock(),
            )
        promise.sweeper.wake()
        with pytest.raises(ObjectNotFound):
            await promise.reader.get(ORG, PROJECT, content.record_id)
        while promise.keys.key(evidence.location) is not None:
            assert time.monotonic() - started < 5
            await asyncio.sleep(0.02)
        assert not judge(evidence, files, ()).readable
        slowest = 0.0
        while time.monotonic() - started < 60:
            before = time.monotonic()
            await promise.store.store(chat())
            slowest = max(slowest, time.monotonic() - before)
            await asyncio.sleep(0.2)
        assert slowest < 2, "writers wait for nobody who reads"
    run = await promise.sweeper.sweep()
    assert run is not None
    assert run.residue != "busy"
    judged = judge(evidence, files, ())
    assert judged.clean or db.kind == "postgresql"
    await promise.close()


def chat() -> Content:
    """A chat that was answered now and is to be stored."""
    return Content(
        record_id=f"chatcmpl_{time.time_ns()}",
        organization_id=ORG,
        project_id=PROJECT,
        owner_id="user_1",
        kind="chat",
        model="smollm2",
        created_at=wall_clock(),
        parts={"request": CANARY.encode(), "answer": b"yes"},
        stored=True,
    )
