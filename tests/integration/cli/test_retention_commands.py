"""What an operator does with the data promise on the command line."""

import base64
import json
import stat
import time
from pathlib import Path

import pytest

from sayso.retention.key_store import KeyStore
from sayso.retention.service import FOLDER_NAME
from tests.integration.cli.kept_content import AUDIO, Folder, make_folder

DAY = 86_400_000_000  # microseconds


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    return make_folder(tmp_path / "data", f"sqlite:///{tmp_path / 'data' / 'sayso.db'}")


@pytest.fixture
def on_either(tmp_path: Path, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Folder:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SAYSO_DATABASE_URL", database_url)
    return make_folder(tmp_path / "data", database_url)


def test_show_says_what_is_kept_and_what_is_in_force(on_either: Folder) -> None:
    folder = on_either
    assert "Nothing is kept." in folder.said("retention", "show")
    folder.keep(folder.first, "mine")
    folder.keep(folder.first, "mine too", kind="transcription", project_id=folder.first.other)
    folder.keep(folder.second, "not mine")
    folder.said("retention", "set", "days", "--days", "7", "--project", "side")
    shown = folder.json("retention", "show")
    assert {(one["project_id"], one["kind"], one["records"], one["stored"]) for one in shown["kept"]} == {
        (folder.first.project, "chat", 1, 1),
        (folder.first.other, "transcription", 1, 1),
    }
    in_force = {one["name"]: one["policy"]["days"] for one in shown["projects"]}
    assert in_force == {"default": 30, "side": 7}
    oldest = min(one["oldest"] for one in shown["kept"])
    assert 29.9 * DAY < shown["next_expiry"] - oldest <= 30 * DAY
    side = folder.json("retention", "show", "--project", "side")
    assert [one["kind"] for one in side["kept"]] == ["transcription"]
    assert "7 days" in folder.said("retention", "show")


def test_a_stricter_policy_acts_on_what_is_kept_and_is_audited(folder: Folder) -> None:
    old = time.time_ns() // 1000 - 8 * DAY
    folder.keep(folder.first, "old", created_at=old)
    young = folder.keep(folder.first, "young")
    folder.said("retention", "set", "days", "--days", "7")
    swept = folder.json("retention", "sweep")
    assert [(one["cause"], len(one["records"])) for one in swept["receipts"]] == [("expired", 1)]
    assert [one["records"] for one in folder.json("retention", "show")["kept"]] == [1]
    folder.said("retention", "set", "zero")
    folder.said("retention", "sweep")
    assert folder.json("retention", "show")["kept"] == []
    assert folder.keep(folder.first, "never written") == ""
    receipts = folder.json("retention", "receipts", "--org", "default")
    assert [one["records"][0][0] == young for one in receipts] == [False, True]
    assert folder.json("retention", "receipts", "--org", "other") == []
    assert folder.json("retention", "verify") == {"ok": True, "receipts": 2, "records": 2, "fault": ""}


def test_what_was_sent_for_an_end_user_is_exported_and_erased(folder: Folder, tmp_path: Path) -> None:
    tags = {
        name: KeyStore.open(folder.path / FOLDER_NAME).tag(folder.first.owner.org_id, name)
        for name in ("zoe@example.com", "ann")
    }
    theirs = folder.keep(folder.first, "zoe's", end_user=tags["zoe@example.com"])
    others = folder.keep(folder.first, "ann's", end_user=tags["ann"])
    file = tmp_path / "zoe.jsonl"
    folder.said("retention", "export", "--end-user", "zoe@example.com", "--out", str(file))
    (line,) = map(json.loads, file.read_text().splitlines())
    assert (line["id"], line["end_user"]) == (theirs, tags["zoe@example.com"])
    erased = folder.json("retention", "erase", "--end-user", "zoe@example.com")
    assert [one["records"][0][0] for one in erased["receipts"]] == [theirs]
    folder.said("retention", "export", "--out", str(file))
    assert [json.loads(one)["id"] for one in file.read_text().splitlines()] == [others]
    events = folder.events("content.exported")
    assert [one["data"] for one in events] == [
        {"records": 1},
        {"records": 1, "end_user": tags["zoe@example.com"]},
    ]
    raw = b"".join(one.read_bytes() for one in folder.path.rglob("*") if one.is_file())
    assert b"zoe@example.com" not in raw


def test_what_makes_no_sense_is_refused(folder: Folder) -> None:
    for words, complaint in (
        (("set", "days"), "1 to 30"),
        (("set", "days", "--days", "31"), "1 to 30"),
        (("set", "zero", "--days", "3"), "Only the mode 'days'"),
        (("set", "inherit"), "nothing to inherit from"),
        (("set", "zero", "--project", "none such"), "No project found"),
        (("show", "--org", "nobody"), "no organization 'nobody'"),
        (("erase",), "Say what to erase"),
        (("erase", "--user", "u", "--record", "r"), "Say what to erase"),
        (("hold", "add", "--reason", " "), "A reason has"),
        (("hold", "release", "hold_x"), "no legal hold 'hold_x'"),
        (("export", "--out", "there/is/no/folder"), "can not write"),
    ):
        result = folder.run("retention", *words)
        assert result.exit_code == 1, words
        assert complaint in result.stderr, words


def test_an_erasure_prints_its_receipt_and_leaves_the_rest(on_either: Folder) -> None:
    folder = on_either
    mine = folder.keep(folder.first, "mine")
    theirs = folder.keep(folder.first, "a colleague's", owner_id="user_2")
    stranger = folder.keep(folder.second, "a stranger's", owner_id="user_2")
    erased = folder.json("retention", "erase", "--user", "user_2")
    assert (erased["erasure"]["records"], erased["left"]) == (1, 0)
    (receipt,) = erased["receipts"]
    assert (receipt["cause"], receipt["records"][0][0]) == ("erased", theirs)
    assert exported(folder, "default") == [mine]
    assert exported(folder, "other") == [stranger]
    one = folder.json("retention", "erase", "--record", mine)
    assert one["receipts"][0]["records"][0][0] == mine
    assert folder.json("retention", "erase", "--everything", "--org", "other")["erasure"]["records"] == 1
    assert exported(folder, "other") == []
    assert folder.json("retention", "verify")["ok"]
    assert "0 records are erased" in folder.said("retention", "erase", "--record", mine)


def test_an_export_has_everything_and_is_for_the_owner_alone(folder: Folder, tmp_path: Path) -> None:
    record = folder.keep(folder.first, "what I said: “héllo”")
    folder.keep(folder.second, "a stranger's")
    file = tmp_path / "export.jsonl"
    assert folder.json("retention", "export", "--out", str(file))["records"] == 1
    (line,) = [json.loads(one) for one in file.read_text("utf-8").splitlines()]
    assert (line["id"], line["organization_id"]) == (record, folder.first.owner.org_id)
    assert line["parts"]["request"] == {"encoding": "utf-8", "content": "what I said: “héllo”"}
    assert base64.b64decode(line["parts"]["audio"]["content"]) == AUDIO
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.glob(".export*")) == []


def test_a_legal_hold_is_seen_keeps_content_and_ends(folder: Folder) -> None:
    record = folder.keep(folder.first, "evidence")
    placed = folder.json("retention", "hold", "add", "--reason", "a court's order", "--project", "default")
    assert (placed["scope_id"], placed["created_by"]) == (folder.first.project, "operator")
    erased = folder.json("retention", "erase", "--record", record)
    assert (erased["receipts"], erased["left"]) == ([], 1)
    (kept,) = folder.json("retention", "show")["kept"]
    assert (kept["hidden"], kept["held"]) == (1, True)
    assert "a court's order" in folder.said("retention", "show")
    assert exported(folder, "default") == [record], "an export shows what a hold keeps"
    ended = folder.json("retention", "hold", "release", placed["id"])
    assert ended["released_by"] == "operator"
    assert folder.json("retention", "show")["kept"] == []
    assert [one["id"] for one in folder.json("retention", "hold", "list")] == [placed["id"]]
    assert folder.json("retention", "hold", "list", "--org", "other") == []


def test_a_key_that_a_receipt_calls_destroyed_is_found(folder: Folder) -> None:
    """Whoever keeps a key file aside and puts it back is caught."""
    record = folder.keep(folder.first, "kept aside")
    keys = next((folder.path / FOLDER_NAME).glob("*/*.keys"))
    aside = keys.read_bytes()
    folder.said("retention", "erase", "--record", record)
    assert folder.json("retention", "verify")["ok"]
    keys.write_bytes(aside)
    result = folder.run("retention", "verify")
    assert result.exit_code == 1
    assert "still in the key store" in result.stderr


def exported(folder: Folder, organization: str) -> list[str]:
    """The ids of what an export has."""
    file = folder.path / "exported.jsonl"
    folder.said("retention", "export", "--org", organization, "--out", str(file))
    found = [json.loads(line)["id"] for line in file.read_text("utf-8").splitlines()]
    file.unlink()
    return found
