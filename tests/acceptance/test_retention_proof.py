"""`sayso prove-retention`: it proves what is so, and fails where nothing is destroyed."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.postgresql_server import PostgresqlServer

SHORT = ("--audio-seconds", "0.5")


def prove(*options: str) -> tuple[int, dict[str, Any]]:
    """Run the command; return its exit status and its report."""
    words = [sys.executable, "-m", "sayso", "prove-retention", "--json", *options]
    result = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert result.stdout, result.stderr
    return result.returncode, json.loads(result.stdout)


def failed(report: dict[str, Any]) -> list[str]:
    return [check["name"] for check in report["checks"] if not check["ok"]]


def test_a_server_on_sqlite_keeps_its_promise(tmp_path: Path) -> None:
    status, report = prove("--folder", str(tmp_path / "proof"), *SHORT)
    assert (status, report["ok"], failed(report)) == (0, True, [])
    kept = [line for line in report["lines"] if line["expected_record"]]
    assert len(kept) == 10
    assert len(report["lines"]) == 30
    for line in report["lines"]:
        sights = [line[name] for name in ("before", "not_yet", "unswept", "after")]
        if not line["expected_record"]:
            assert sights == [None] * 4, line["route"]
            continue
        assert line["holds_canary"]
        assert [sight["opened"] for sight in sights] == [True, True, True, False]
        assert [sight["shown"] for sight in sights] == [True, True, False, False]
        found = {"key": ["key store"], "ciphertext": ["database"]}
        assert {name: sights[2][f"{name}_in"] for name in found} == found
        assert not any(sights[3].values())
    assert {one["now"] for one in report["fates"]} == {"file removed"}
    assert {one["record_id"] for one in report["fates"]} == {one["record_id"] for one in kept}
    sizes = {one["place"]: one["bytes"] for one in report["while_running"]}
    assert all(sizes[place] > 0 for place in ("database", "write-ahead log and journals", "key store"))
    assert report["sweep_clock"] - report["started_at"] == (30 * 24 + 1) * 3_600_000_000
    assert {"gzip", "zlib"} <= set(report["compressions"])
    assert (tmp_path / "proof" / "server.log").stat().st_size > 0, "a named folder stays"


@pytest.mark.long
def test_without_a_sweep_it_fails() -> None:
    status, report = prove("--no-sweep", *SHORT)
    assert (status, report["ok"]) == (1, False)
    assert any(name.startswith("at 30 days and an hour") for name in failed(report))
    assert all(line["after"]["opened"] for line in report["lines"] if line["expected_record"])


@pytest.mark.long
@pytest.mark.timeout(400)
def test_a_server_on_postgresql_keeps_its_promise(postgresql_server: PostgresqlServer) -> None:
    data = postgresql_server.socket_folder / "data"
    url = postgresql_server.new_database()
    files = [option for name in ("base", "pg_wal") for option in ("--database-files", str(data / name))]
    status, report = prove("--database", url, *files, *SHORT)
    assert (status, failed(report)) == (0, [])
    assert str(data / "base") in report["searched"]
    again, complaint = run_text("--database", url)
    assert again == 1
    assert "this one has tables" in complaint


@pytest.mark.long
@pytest.mark.timeout(400)
def test_an_auditor_reads_the_full_report() -> None:
    status, _, text = run_both()
    assert status == 0, text
    assert "PROOF OF RETENTION: everything is as promised" in text
    assert text.count("\nok    ") == 18
    assert "WHAT THIS DOES NOT SHOW" in text


def run_both(*options: str) -> tuple[int, str, str]:
    words = [sys.executable, "-m", "sayso", "prove-retention", *options]
    result = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    return result.returncode, result.stderr, result.stdout


def run_text(*options: str) -> tuple[int, str]:
    return run_both(*options)[:2]
