"""A pinned snapshot stays where it is: for the project's requests, and on the disk."""

from dataclasses import replace
from pathlib import Path

import pytest

from sayso.app.names import check_pins
from sayso.billing.rate_limits import LimitKey, scope_limits
from sayso.billing.scopes import Scope
from sayso.catalog.catalogue import Catalogue, wall_clock
from sayso.catalog.name_watch import NameWatch
from sayso.catalog.snapshot import PackageSource, Snapshot, SnapshotFile
from sayso.catalog.storage import folder_for, write_manifest
from sayso.db.session import Database
from sayso.errors import IntegrityError, InvalidRequest, ModelNotFound, ObjectNotFound, SnapshotInUse
from sayso.jobs import model_files
from sayso.jobs.limits import change_limits
from sayso.jobs.model_files import prune_snapshots, remove_snapshot
from sayso.jobs.model_names import Installation, move_alias
from sayso.jobs.model_pins import pin_model, unpin_model
from sayso.tenancy.audit import AuditFilter, list_audit_logs
from sayso.tenancy.paging import Cut
from sayso.tenancy.projects import archive_project, create_project
from sayso.tenancy.service import DefaultProject


async def follow(db: Database, models: Installation) -> None:
    await NameWatch(db, models.catalogue).refresh()


async def test_a_pin_holds_for_its_project_whatever_moves(
    db: Database, project: DefaultProject, models: Installation
) -> None:
    made = await pin_model(db, project.operator, models, project.id, "a")
    assert (made.model, made.snapshot) == ("a", "old")
    await move_alias(db, project.operator, models, "a", "new")
    await follow(db, models)
    assert models.catalogue.resolve("a").id == "new"
    assert models.catalogue.resolve("a", "proj_other").id == "new"
    assert models.catalogue.resolve("a", project.id).id == "old"
    assert {one.id: one.snapshot for one in models.catalogue.listing(models.served, project.id)}["a"] == "old"
    await unpin_model(db, project.operator, project.id, "a")
    await follow(db, models)
    assert models.catalogue.resolve("a", project.id).id == "new"
    with pytest.raises(ObjectNotFound):
        await unpin_model(db, project.operator, project.id, "a")
    logs = await list_audit_logs(db, project.org_id, AuditFilter(project_ids=[project.id]), Cut(10))
    assert [one.type for one in logs.items] == ["project.model_pin.deleted", "project.model_pin.created"]


async def test_a_project_can_pin_another_snapshot_than_everybodys(
    db: Database, project: DefaultProject, models: Installation
) -> None:
    scope, per_minute = Scope("project", project.id), LimitKey("requests", "minute")
    await change_limits(db, project.operator, scope, "old", {per_minute: 5}, asked={}, limit_id="rl")
    await pin_model(db, project.operator, models, project.id, "a", "newest")
    await follow(db, models)
    assert models.catalogue.resolve("a", project.id).id == "newest"
    async with db.read() as session:
        assert (await scope_limits(session, scope))["newest"].values == {per_minute: 5}


@pytest.mark.parametrize(
    ("model", "snapshot", "error"),
    [
        ("a", "shelved", InvalidRequest),
        ("a", "spoken", InvalidRequest),
        ("old", "new", InvalidRequest),
        ("nobody", None, ModelNotFound),
        ("a", "nobody", ModelNotFound),
    ],
)
async def test_what_can_not_be_pinned(
    db: Database,
    project: DefaultProject,
    models: Installation,
    model: str,
    snapshot: str | None,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await pin_model(db, project.operator, models, project.id, model, snapshot)


def installed(models_dir: Path, served: set[str], **aliases: str) -> Installation:
    """Snapshots with files on this machine."""
    file = SnapshotFile("model.bin", "a" * 64, 3)
    snapshots = [
        Snapshot(name, "chat", "fake", PackageSource(), (replace(file, name=f"{name}.bin"),))
        for name in ("old", "new", "spare")
    ]
    for snapshot in snapshots:
        folder = folder_for(snapshot, models_dir)
        folder.mkdir(parents=True)
        write_manifest(snapshot, folder)
    return Installation(Catalogue(snapshots, aliases), served)


def here(models: Installation, models_dir: Path) -> set[str]:
    return {one.id for one in models.catalogue.snapshots if folder_for(one, models_dir).is_dir()}


def leftovers(models_dir: Path) -> list[Path]:
    return list(models_dir.rglob(".new-*"))


async def test_what_somebody_needs_is_neither_removed_nor_pruned(
    db: Database, project: DefaultProject, tmp_path: Path
) -> None:
    models = installed(tmp_path, {"old"})
    await pin_model(db, project.operator, models, project.id, "old")
    unserved = Installation(Catalogue(models.catalogue.snapshots, {"a": "new"}), set())
    await follow(db, unserved)
    with pytest.raises(SnapshotInUse, match=f"it is pinned by project {project.id}") as refused:
        await remove_snapshot(db, project.operator, unserved, tmp_path, "old")
    assert refused.value.code == "snapshot_in_use"
    with pytest.raises(SnapshotInUse, match="a leads to it"):
        await remove_snapshot(db, project.operator, unserved, tmp_path, "new")
    with pytest.raises(InvalidRequest, match="name the snapshot, 'new'"):
        await remove_snapshot(db, project.operator, unserved, tmp_path, "a")
    rehearsed = await prune_snapshots(db, project.operator, unserved, tmp_path, dry_run=True)
    assert here(unserved, tmp_path) == {"old", "new", "spare"}
    pruned = await prune_snapshots(db, project.operator, unserved, tmp_path)
    assert [(one.snapshot, bool(one.reason)) for one in pruned] == [
        ("old", True),
        ("new", True),
        ("spare", False),
    ]
    assert rehearsed == pruned
    assert here(unserved, tmp_path) == {"old", "new"}
    await unpin_model(db, project.operator, project.id, "old")
    await remove_snapshot(db, project.operator, unserved, tmp_path, "old")
    assert here(unserved, tmp_path) == {"new"}
    assert not leftovers(tmp_path)
    with pytest.raises(ObjectNotFound):
        await remove_snapshot(db, project.operator, unserved, tmp_path, "old")


async def test_what_is_served_or_planned_is_not_removed(
    db: Database, project: DefaultProject, tmp_path: Path
) -> None:
    models = installed(tmp_path, {"old", "new"}, a="old")
    await move_alias(db, project.operator, models, "a", "new", at=wall_clock() + 3_600_000_000)
    with pytest.raises(SnapshotInUse, match="about to"):
        await remove_snapshot(db, project.operator, replace(models, served={"old"}), tmp_path, "new")
    with pytest.raises(SnapshotInUse, match="served here"):
        await remove_snapshot(db, project.operator, replace(models, served={"spare"}), tmp_path, "spare")


async def test_others_may_hold_a_snapshot_too(
    db: Database, project: DefaultProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def held(session: object, snapshot: str) -> list[str]:
        return ["instance 7"] if snapshot == "spare" else []

    monkeypatch.setattr(model_files, "HOLDERS", (held,))
    models = installed(tmp_path, set())
    with pytest.raises(SnapshotInUse, match="pinned by instance 7"):
        await remove_snapshot(db, project.operator, models, tmp_path, "spare")


async def test_the_pins_of_an_archived_project_hold_nothing(
    db: Database, project: DefaultProject, tmp_path: Path
) -> None:
    passing = await create_project(db, project.operator, "passing")
    models = installed(tmp_path, {"old"})
    await pin_model(db, project.operator, models, passing.id, "old")
    await archive_project(db, project.operator, passing.id)
    await remove_snapshot(db, project.operator, replace(models, served=set()), tmp_path, "old")


async def test_another_model_under_a_pinned_name_stops_the_start(
    db: Database, project: DefaultProject, tmp_path: Path
) -> None:
    models = installed(tmp_path, {"old"})
    await pin_model(db, project.operator, models, project.id, "old")
    await follow(db, models)
    check_pins(models.catalogue)
    old = models.catalogue.resolve("old")
    models.catalogue.know([replace(old, files=(replace(old.files[0], sha256="b" * 64),))])
    with pytest.raises(IntegrityError, match=f"project '{project.id}' has pinned 'old'"):
        check_pins(models.catalogue)
