"""A database of either kind with a key store, a store and a sweeper, and a clock that tests turn."""

import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select, text

from sayso.db.base import Base
from sayso.db.migrate import migrate
from sayso.db.session import Database
from sayso.errors import ObjectNotFound
from sayso.ids import OrgId, ProjectId, new_id
from sayso.retention.content import Content
from sayso.retention.key_store import KeyLocation, KeyStore
from sayso.retention.policies import set_policy
from sayso.retention.policy import Mode, RetentionSetting
from sayso.retention.reading import RetentionReader
from sayso.retention.residue.evidence import Evidence, Judgement, gather, judge
from sayso.retention.residue.needles import text_needles
from sayso.retention.store import RetentionStore
from sayso.retention.sweep import Sweeper, SweepRun
from sayso.retention.tables import RetainedRecord
from tests.postgresql_server import PostgresqlServer

ORG, PROJECT = OrgId("org_1"), ProjectId("proj_1")
START = 1_677_672_010_000_000  # 1 March 2023, 12:00:10 UTC, in microseconds
HOUR, DAY = 3_600.0, 86_400.0  # seconds
CANARY = "the canary's name is “Pío”, not Peter; it sings at 5"


@dataclass
class Clock:
    """Wall time in microseconds and steady time in seconds; both go together unless the wall clock jumps."""

    now: int = START
    steady: float = 1_000.0

    def __call__(self) -> int:
        return self.now

    def monotonic(self) -> float:
        return self.steady

    def advance(self, seconds: float) -> None:
        self.steady += seconds
        self.jump(seconds)

    def jump(self, seconds: float) -> None:
        self.now += int(seconds * 1_000_000)


@dataclass
class Vault:
    """All of the data promise over one database and one key store."""

    database: Database
    folder: Path
    files: tuple[Path, ...]
    clock: Clock = field(default_factory=Clock)

    def __post_init__(self) -> None:
        self.since = time.time() - 1
        self.keys = KeyStore.open(self.folder)
        self.store = RetentionStore.open(self.database, self.keys, clock=self.clock)
        self.reader = RetentionReader(self.database, self.keys, clock=self.clock)
        self.sweeper = self.new_sweeper()

    def new_sweeper(self) -> Sweeper:
        """A sweeper as a process that has just started has it."""
        return Sweeper(self.database, self.keys, clock=self.clock, monotonic=self.clock.monotonic)

    def content(self, text: str = CANARY, **changes: Any) -> Content:
        """A chat that was answered now."""
        content = Content(
            record_id=new_id("chatcmpl"),
            organization_id=ORG,
            project_id=PROJECT,
            owner_id="user_1",
            kind="chat",
            model="smollm2",
            created_at=self.clock.now,
            parts={"request": text.encode(), "answer": b"the answer to it"},
        )
        return replace(content, **changes)

    async def keep(self, text: str = CANARY, **changes: Any) -> Content:
        """Keep a chat and wait until it is written."""
        content = self.content(text, **changes)
        assert self.store.keep(content)
        await self.store.flush()
        return content

    async def sweep(self) -> SweepRun:
        run = await self.sweeper.sweep()
        assert run is not None
        return run

    async def readable(self, content: Content) -> bool:
        """Whether the API would still show it, and as it was."""
        wanted = (content.organization_id, content.project_id, content.record_id)
        try:
            found = await self.reader.get(*wanted)
        except ObjectNotFound:
            return False
        assert dict(found.parts) == dict(content.parts)
        return True

    async def policy(self, mode: Mode, days: int = 0, project: ProjectId | None = None) -> None:
        async with self.database.transaction() as session:
            await set_policy(
                session,
                organization_id=ORG,
                project_id=project,
                setting=RetentionSetting(mode, days),
                actor="user_1",
                now=self.clock.now,
            )

    async def key_of(self, content: Content) -> KeyLocation:
        async with self.database.read() as session:
            row = await session.get_one(RetainedRecord, content.record_id)
            return KeyLocation(row.key_file, row.key_slot)

    async def settle_files(self) -> None:
        """Have a server write out what it still has in memory alone."""
        if self.database.kind == "postgresql":
            async with self.database.transaction() as session:
                await session.execute(text("CHECKPOINT"))

    @property
    def written(self) -> list[Path]:
        """The files, without those parts of a server's log that were written before."""
        found: list[Path] = []
        for folder in self.files:
            log = sorted(folder.iterdir()) if folder.name == "pg_wal" else []
            found += [one for one in log if one.stat().st_mtime >= self.since] if log else [folder]
        return found

    async def gather(self, content: Content) -> Evidence:
        """What an auditor writes down about content while it can be read."""
        needles = text_needles("canary", content.parts["request"].decode())
        return await gather(self.database, self.keys, content.record_id, needles)

    async def judge(self, evidence: Evidence) -> Judgement:
        await self.settle_files()
        return judge(evidence, self.written, ())

    async def rows(self, model: type[Base]) -> list[dict[str, Any]]:
        """Every row of a table, in the order of its primary key."""
        table = model.__table__
        async with self.database.read() as session:
            found = await session.execute(select(table).order_by(*table.primary_key))
            return [dict(row) for row in found.mappings()]


def files_of(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> tuple[Path, ...]:
    """Every file in which content or keys could be: the test's folder, and a server's tables and log."""
    if database_url.startswith("sqlite"):
        return (tmp_path,)
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "SELECT oid FROM pg_database WHERE datname = current_database()"
        ).fetchone()
    assert found is not None
    written = server.socket_folder / "data"
    return tmp_path, written / "base" / str(found[0]), written / "pg_wal"


@pytest.fixture
async def vault(request: pytest.FixtureRequest, database_url: str, tmp_path: Path) -> AsyncGenerator[Vault]:
    async with Database.open(database_url) as database:
        await migrate(database)
        made = Vault(database, tmp_path / "retention-keys", files_of(request, database_url, tmp_path))
        made.store.start()
        yield made
        await made.store.close()
        made.keys.close()
