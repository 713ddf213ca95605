"""Aliases are moved, planned and rolled back by acts that are written down, and servers follow."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from sayso.billing.rate_limits import LimitKey, scope_limits
from sayso.billing.scopes import Scope
from sayso.catalog.name_store import load_names
from sayso.catalog.name_watch import NameWatch
from sayso.catalog.recording import record_settings
from sayso.db.session import Database
from sayso.errors import InvalidRequest, ModelNotFound
from sayso.jobs.limits import change_limits
from sayso.jobs.model_names import Installation, move_alias, roll_back_alias
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.paging import Cut
from sayso.tenancy.service import DefaultProject
from tests.integration.jobs.conftest import Clock


async def follow(db: Database, models: Installation) -> None:
    await NameWatch(db, models.catalogue).refresh()


async def test_an_alias_moves_and_other_servers_follow(
    db: Database, project: DefaultProject, models: Installation
) -> None:
    watch = NameWatch(db, models.catalogue)
    await watch.refresh()
    assert models.catalogue.resolve("a").id == "old"
    made = await move_alias(db, project.operator, models, "a", "new")
    assert (made.snapshot, made.previous, made.actor) == ("new", "old", project.operator.user_id)
    assert models.catalogue.resolve("a").id == "old"
    await watch.refresh()
    assert models.catalogue.resolve("a").id == "new"
    assert models.catalogue.resolve("a-0301").id == "old"
    listed = {one.id: one.snapshot for one in models.catalogue.listing(models.served)}
    assert listed["a"] == "new"


async def test_moves_are_rolled_back_one_by_one(
    db: Database, project: DefaultProject, models: Installation
) -> None:
    for target in ("new", "newest"):
        await move_alias(db, project.operator, models, "a", target)
    back = [(await roll_back_alias(db, project.operator, models, "a")).snapshot for _ in range(2)]
    assert back == ["new", "old"]
    with pytest.raises(InvalidRequest, match="nothing to go back to"):
        await roll_back_alias(db, project.operator, models, "a")
    with pytest.raises(ModelNotFound):
        await roll_back_alias(db, project.operator, models, "nobody")
    await follow(db, models)
    assert models.catalogue.resolve("a").id == "old"


async def test_a_planned_move_happens_at_its_moment(
    db: Database, project: DefaultProject, models: Installation, clock: Clock
) -> None:
    at = clock.now + 1_000_000
    await move_alias(db, project.operator, models, "a", "new", at=at)
    await follow(db, models)
    assert models.catalogue.resolve("a").id == "old"
    clock.now = at
    assert models.catalogue.resolve("a").id == "new"
    with pytest.raises(InvalidRequest, match="in the past"):
        await move_alias(db, project.operator, models, "a", "old", at=at - 1)


async def test_a_later_move_takes_the_place_of_a_plan(
    db: Database, project: DefaultProject, models: Installation, clock: Clock
) -> None:
    await move_alias(db, project.operator, models, "a", "new", at=clock.now + 9)
    await move_alias(db, project.operator, models, "a", "newest")
    await follow(db, models)
    clock.now += 10
    assert models.catalogue.resolve("a").id == "newest"


async def test_a_dated_alias_is_set_once(db: Database, project: DefaultProject, models: Installation) -> None:
    with pytest.raises(InvalidRequest, match="bears a date") as refused:
        await move_alias(db, project.operator, models, "a-0301", "new")
    assert refused.value.code == "alias_is_dated"
    await move_alias(db, project.operator, models, "b-2026-11-23", "new")
    with pytest.raises(InvalidRequest, match="bears a date"):
        await move_alias(db, project.operator, models, "b-2026-11-23", "old")
    await follow(db, models)
    assert models.catalogue.resolve("b-2026-11-23").id == "new"


@pytest.mark.parametrize(
    ("alias", "target", "complaint"),
    [
        ("a", "shelved", "not served"),
        ("a", "spoken", "that of a chat model"),
        ("old", "new", "is a snapshot"),
        ("no such name", "new", "can not name a model"),
    ],
)
async def test_what_can_not_be_is_refused(
    db: Database, project: DefaultProject, models: Installation, alias: str, target: str, complaint: str
) -> None:
    with pytest.raises(InvalidRequest, match=complaint):
        await move_alias(db, project.operator, models, alias, target)
    async with db.read() as session:
        assert not (await load_names(session)).versions


async def test_who_moved_what_is_written_down_for_good(
    db: Database, project: DefaultProject, models: Installation
) -> None:
    await move_alias(db, project.operator, models, "a", "new")
    await roll_back_alias(db, project.operator, models, "a")
    logs = await list_audit_logs(db, project.org_id, AuditFilter(resource_ids=["a"]), Cut(10))
    assert [(one.type, one.details["snapshot"], one.details["previous"]) for one in logs.items] == [
        ("model_alias.rolled_back", "old", "new"),
        ("model_alias.moved", "new", "old"),
    ]
    assert {one.actor_user_id for one in logs.items} == {project.operator.user_id}
    for change in ("UPDATE model_alias_versions SET snapshot = 'x'", "DELETE FROM model_alias_versions"):
        with pytest.raises(DBAPIError, match="append-only"):
            async with db.transaction() as session:
                await session.execute(text(change))


async def test_limits_move_along_with_an_alias(
    db: Database, project: DefaultProject, models: Installation
) -> None:
    scope, by = Scope("project", project.id), project.operator
    per_minute, per_day = LimitKey("requests", "minute"), LimitKey("requests", "day")
    for snapshot, limits in (("old", {per_minute: 5, per_day: 9}), ("new", {per_day: 7})):
        await change_limits(db, by, scope, snapshot, limits, asked={}, limit_id="rl")
    await move_alias(db, by, models, "a", "new")
    async with db.read() as session:
        found = await scope_limits(session, scope)
    assert found["new"].values == {per_minute: 5, per_day: 7}
    assert found["old"].values == {per_minute: 5, per_day: 9}


async def test_a_start_writes_the_settings_down_once(
    db: Database, project: DefaultProject, models: Installation, clock: Clock
) -> None:
    for _ in range(2):
        async with db.transaction() as session:
            await record_settings(session, models.catalogue.initial, [], {"old"}, clock.now)
    async with db.read() as session:
        versions = (await load_names(session)).versions
    assert {alias: [(one.snapshot, one.cause) for one in them] for alias, them in versions.items()} == {
        "a": [("old", "settings")],
        "a-0301": [("old", "settings")],
        "speech-1": [("spoken", "settings")],
    }
    await move_alias(db, project.operator, models, "a", "new")
    await roll_back_alias(db, project.operator, models, "a")
