"""The numbers that tell whether what was read still stands: what moves them, and when they say nothing."""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import JSON, Column, DateTime, Engine, LargeBinary, String, TypeDecorator, text

from sayso.catalog.tables import ModelAliasVersion, ModelDeprecation, ModelPin
from sayso.db.base import Base
from sayso.db.migrate import migrate
from sayso.db.revisions import PROMISE_SECONDS, Group, Revisions
from sayso.db.session import Database
from sayso.dedicated.tables import InstanceEventRow, InstanceRow
from sayso.retention.tables import RetentionPolicyRow
from sayso.tenancy.key_tables import AdminApiKey, ApiKey
from sayso.tenancy.tables import (
    Membership,
    ModelPermissions,
    Organization,
    Project,
    ProjectMember,
    ServiceAccount,
    User,
)

GROUPS: dict[type[Base], set[str]] = {
    Organization: {"access"},
    Project: {"access", "instances"},
    ApiKey: {"access"},
    AdminApiKey: {"access"},
    Membership: {"access"},
    ProjectMember: {"access"},
    ServiceAccount: {"access"},
    ModelPermissions: {"access"},
    RetentionPolicyRow: {"retention"},
    ModelAliasVersion: {"names"},
    ModelPin: {"names"},
    ModelDeprecation: {"names"},
    InstanceRow: {"instances"},
    InstanceEventRow: {"instances"},
    User: set(),
}
# What nothing that is remembered depends on, or what changes all the time.
UNWATCHED: dict[type[Base], set[str]] = {
    Organization: {"name", "created_at"},
    Project: {"name", "created_at"},
    ApiKey: {"name", "lookup_id", "redacted_value", "created_at", "last_used_at"},
    AdminApiKey: {"name", "lookup_id", "redacted_value", "created_at", "last_used_at"},
    Membership: {"added_at"},
    ProjectMember: {"added_at"},
    ServiceAccount: {"name", "created_at"},
    RetentionPolicyRow: {"effective_from", "actor", "applied_at"},
    InstanceRow: {"seen_at", "paid_until"},
    User: {"id", "email", "name", "created_at"},
}
APPEND_ONLY = {ModelAliasVersion.__tablename__, InstanceEventRow.__tablename__}


class HandClock:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def db(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as database:
        await migrate(database)
        yield database


def value(column: "Column[Any]") -> object:
    kind = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    if isinstance(kind, JSON):
        return []
    if isinstance(kind, DateTime):
        return datetime.now(UTC)
    if isinstance(kind, LargeBinary):
        return b"x" * 32
    return "x" if isinstance(kind, String) else 1


def moved(engine: Engine, before: dict[str, int]) -> set[str]:
    """Return which numbers have changed since `before`, and have it say what they are now."""
    with engine.begin() as connection:
        rows = connection.execute(text("SELECT name, revision FROM revisions"))
        now: dict[str, int] = {row.name: row.revision for row in rows}
    changed = {name for name in now if now[name] != before.get(name)}
    before.update(now)
    return changed


def write(engine: Engine, statement: Any) -> None:
    with engine.begin() as connection:
        connection.execute(statement)


def test_the_numbers_follow_every_table_and_verb_and_column_that_counts(db: Database) -> None:
    engine = db.sync_engine()
    known: dict[str, int] = {}
    assert moved(engine, known) == {"access", "retention", "names", "instances"}
    rooms = {table.__table__: groups for table, groups in GROUPS.items()}
    unwatched = {table.__table__: columns for table, columns in UNWATCHED.items()}
    in_order = [table for table in Base.metadata.sorted_tables if table in rooms]
    assert len(in_order) == len(rooms)
    for table in in_order:
        write(engine, table.insert().values({one: value(one) for one in table.columns}))
        assert moved(engine, known) == rooms[table], f"INSERT of {table}"
    for table in in_order:
        for column in [] if table.name in APPEND_ONLY else table.columns:
            write(engine, text(f"UPDATE {table.name} SET {column.name} = {column.name}"))
            counts = column.name not in unwatched.get(table, set())
            assert moved(engine, known) == (rooms[table] if counts else set()), f"UPDATE of {column}"
    for table in reversed(in_order):
        if table.name not in APPEND_ONLY:
            write(engine, table.delete())
            assert moved(engine, known) == rooms[table], f"DELETE of {table}"
    engine.dispose()


async def add_organization(url: str) -> None:
    """Have another process's connection write."""
    row = Organization(id="o", slug="s", name="n", created_at=datetime.now(UTC))
    async with Database.open(url) as other, other.transaction() as session:
        session.add(row)


async def rename(url: str, table: str, name: str) -> None:
    """Have what is read be missing, or there again."""
    async with Database.open(url) as other, other.transaction() as session:
        await session.execute(text(f"ALTER TABLE {table} RENAME TO {name}"))


class Told:
    """Listens to the changes of a group."""

    def __init__(self, revisions: Revisions, group: Group) -> None:
        self._event = asyncio.Event()
        revisions.listen(group, self._event.set)

    async def next(self) -> None:
        async with asyncio.timeout(30.0):
            await self._event.wait()
        self._event.clear()


async def test_a_change_by_another_process_is_noticed(db: Database, database_url: str) -> None:
    access, names = Told(db.revisions, "access"), Told(db.revisions, "names")
    assert db.revisions.seen("access") is None
    db.revisions.start()
    await access.next()
    await names.next()
    before, others = db.revisions.seen("access"), db.revisions.seen("names")
    assert before is not None
    await add_organization(database_url)
    begun = time.monotonic()
    await access.next()
    assert time.monotonic() - begun < PROMISE_SECONDS
    assert db.revisions.seen("access") not in (None, before)
    assert db.revisions.seen("names") == others


async def test_nothing_stands_where_the_last_look_is_too_old(database_url: str) -> None:
    clock = HandClock()
    async with Database.open(database_url) as db:
        await migrate(db)
        db.revisions = revisions = Revisions(db.reading_engine, clock=clock)
        access = Told(revisions, "access")
        revisions.start()
        await access.next()
        await rename(database_url, "revisions", "away")
        clock.now += PROMISE_SECONDS
        before = revisions.seen("access")
        assert before is not None
        clock.now += 0.01
        assert revisions.seen("access") is None
        await rename(database_url, "away", "revisions")
        await add_organization(database_url)
        await access.next()
        assert revisions.seen("access") not in (None, before)
    assert revisions.seen("access") is None
