"""Names, pins, ends and files of models on the command line, without a server."""

import hashlib
import json
import os
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from sayso.cli.main import app
from sayso.config import FILE_NAME

SETTINGS = """
load_models = ["one", "two", "own"]
[aliases]
"name" = "one"
"name-0301" = "one"
[deprecations."name-0301"]
deprecated = 2026-01-01
shutdown = 2099-01-01
replacement = "name"
[models.one]
kind = "chat"
engine = "mock"
[models.two]
kind = "chat"
engine = "mock"
[models.own]
kind = "chat"
path = "own"
context_length = 128
"""
WEIGHTS = b"weights"


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    (tmp_path / FILE_NAME).write_text(SETTINGS)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.gguf").write_bytes(WEIGHTS)
    return tmp_path


def run(data_dir: Path, *words: str, fails: bool = False) -> Result:
    options = ["--data-dir", str(data_dir), "--config", str(data_dir / FILE_NAME)]
    done = CliRunner().invoke(app, ["models", *words, *options])
    assert done.exit_code == (1 if fails else 0), done.output
    return done


def names_of(data_dir: Path, model: str) -> list[str]:
    rows = json.loads(CliRunner().invoke(app, ["models", "--json", *_options(data_dir)]).stdout)
    return next(row["aliases"] for row in rows if row["id"] == model)


def _options(data_dir: Path) -> list[str]:
    return ["--data-dir", str(data_dir), "--config", str(data_dir / FILE_NAME)]


def test_an_alias_is_moved_shown_and_taken_back(data_dir: Path) -> None:
    assert "name" in names_of(data_dir, "one")
    assert "name leads to two" in run(data_dir, "alias", "name", "two").stdout
    assert names_of(data_dir, "two") == ["name"]
    run(data_dir, "alias", "name", "one", "--at", "2099-01-01T00:00Z")
    assert "before: two" in run(data_dir, "rollback", "name").stdout
    history = json.loads(run(data_dir, "aliases", "name", "--json").stdout)
    assert [(one["snapshot"], one["cause"]) for one in history] == [
        ("one", "settings"),
        ("two", "move"),
        ("one", "move"),
        ("one", "rollback"),
    ]
    assert "2099-01-01 00:00:00Z" in run(data_dir, "aliases").stdout
    assert "bears a date" in run(data_dir, "alias", "name-0301", "two", fails=True).stderr
    assert "no moment" in run(data_dir, "alias", "name", "two", "--at", "soon", fails=True).stderr


def test_a_project_pins_and_lets_go(data_dir: Path) -> None:
    run(data_dir, "pin", "name")
    run(data_dir, "pin", "own")
    pins = {one["model"]: one for one in json.loads(run(data_dir, "pins", "--json").stdout)}
    assert {model: one["snapshot"] for model, one in pins.items()} == {"name": "one", "own": "own"}
    assert pins["own"]["digest"] in run(data_dir, "verify", "own").stdout
    run(data_dir, "unpin", "own")
    assert "own" not in run(data_dir, "pins").stdout
    run(data_dir, "unpin", "own", fails=True)


def test_an_end_is_announced_and_taken_back(data_dir: Path) -> None:
    done = run(data_dir, "deprecate", "two", "--shutdown", "2099-03-01", "--replacement", "one")
    assert "stops working on 2099-03-01 00:00:00Z" in done.stdout
    run(data_dir, "undeprecate", "two")
    run(data_dir, "undeprecate", "two", fails=True)
    early = ("deprecate", "two", "--from", "2099-03-02", "--shutdown", "2099-03-01")
    assert "before it is deprecated" in run(data_dir, *early, fails=True).stderr


def test_verify_finds_a_byte_that_times_hide(data_dir: Path) -> None:
    path = data_dir / "own" / "own.gguf"
    assert "own is whole: files: 1" in run(data_dir, "verify", "own").stdout
    before = path.stat()
    path.write_bytes(b"Weights")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    refused = run(data_dir, "verify", "own", fails=True)
    assert "own.gguf is damaged" in refused.stderr
    assert hashlib.sha256(WEIGHTS).hexdigest() in refused.stderr.replace("\n", "")


def test_files_that_are_not_saysos_stay(data_dir: Path) -> None:
    assert "not sayso's to remove" in run(data_dir, "remove", "own", fails=True).stderr
    assert "name the snapshot" in run(data_dir, "remove", "name", fails=True).stderr
    run(data_dir, "prune", "--dry-run")
    assert (data_dir / "own" / "own.gguf").is_file()
