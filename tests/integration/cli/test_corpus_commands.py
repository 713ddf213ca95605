"""The improvement corpus: nothing of those who have not opted in, and nothing of them once they opt out."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cli.kept_content import Folder, make_folder
from tests.postgresql_server import PostgresqlServer


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.long)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A fresh database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'sayso.db'}"
    server: PostgresqlServer = request.getfixturevalue("postgresql_server")
    return server.new_database()


@pytest.fixture
def folder(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAYSO_DATABASE_URL", url)
    return make_folder(tmp_path / "data", url)


@pytest.fixture
def local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return make_folder(tmp_path / "data", f"sqlite:///{tmp_path / 'data' / 'sayso.db'}")


def test_only_what_was_made_while_opted_in_is_exported(folder: Folder) -> None:
    folder.keep(folder.first, "of the default organization")
    folder.keep(folder.second, "before")
    assert exported(folder) == []
    folder.said("corpus", "opt-in", "--org", "other")
    (since,) = [one["since"] for one in folder.json("corpus", "list")]
    wanted = [folder.keep(folder.second, f"with consent {n}") for n in range(25)]
    folder.keep(folder.second, "begun before, written after", created_at=since - 1)
    folder.keep(folder.first, "again of the default organization")
    lines = exported(folder)
    assert sorted(line["id"] for line in lines) == sorted(wanted)
    line = lines[0]
    assert (line["organization_id"], line["project_id"], line["owner_id"]) == (
        folder.second.owner.org_id,
        folder.second.project,
        folder.second.owner.user_id,
    )
    assert (line["model"], line["policy"], line["consent"]["since"]) == ("smollm2", "0.0", since)
    assert line["created_at"] >= since
    assert line["parts"]["request"]["content"].startswith("with consent")
    folder.said("corpus", "opt-out", "--org", "other")
    assert exported(folder) == []
    folder.said("corpus", "opt-in", "--org", "other")
    assert exported(folder) == [], "what was made under a consent that was withdrawn stays out"


def test_under_zero_retention_there_is_nothing(local: Folder) -> None:
    local.said("corpus", "opt-in")
    assert local.keep(local.first, "kept") != ""
    assert len(exported(local)) == 1
    local.said("retention", "set", "zero")
    assert exported(local) == [], "hidden at once, before any sweep"
    assert local.keep(local.first, "never written") == ""
    assert exported(local) == []


def test_what_is_erased_or_opted_out_is_pruned_from_an_export(local: Folder) -> None:
    for org in ("default", "other"):
        local.said("corpus", "opt-in", "--org", org)
    mine = [local.keep(local.first, f"mine {n}") for n in range(2)]
    local.keep(local.first, "a colleague's", owner_id="user_2")
    local.keep(local.first, "of the other project", project_id=local.first.other)
    theirs = local.keep(local.second, "theirs")
    file = local.path / "corpus.jsonl"
    local.said("corpus", "export", "--out", str(file))
    assert len(read(file)) == 5
    assert local.json("corpus", "prune", str(file))["removed"] == 0
    local.said("retention", "erase", "--record", mine[0])
    local.said("retention", "erase", "--user", "user_2")
    local.said("retention", "set", "zero", "--project", "side")
    assert local.json("corpus", "prune", str(file)) == {"file": str(file), "left": 2, "removed": 3}
    assert sorted(one["id"] for one in read(file)) == sorted([mine[1], theirs])
    local.said("corpus", "opt-out", "--org", "other")
    local.said("corpus", "prune", str(file))
    assert [one["id"] for one in read(file)] == [mine[1]]
    local.said("corpus", "opt-out")
    assert local.json("corpus", "prune", str(file))["left"] == 0
    assert file.read_bytes() == b""


def test_what_is_erased_and_held_is_not_exported(local: Folder) -> None:
    local.said("corpus", "opt-in")
    local.keep(local.first, "one")
    local.keep(local.first, "two", created_at=time.time_ns() // 1000)
    local.said("retention", "hold", "add", "--reason", "an order")
    local.said("retention", "erase", "--everything")
    assert exported(local) == [], "a legal hold makes nothing usable"


def exported(folder: Folder) -> list[dict[str, Any]]:
    file = folder.path / "corpus.jsonl"
    folder.said("corpus", "export", "--out", str(file))
    return read(file)


def read(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
