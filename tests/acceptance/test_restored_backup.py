"""A backup that is restored after content was destroyed brings none of it back to anybody."""

from pathlib import Path

import httpx

from sayso.db.sqlite import driver
from tests.acceptance.commands import sayso
from tests.acceptance.running_server import RunningServer, start_server

SETTINGS = 'load_models = ["said"]\n[models.said]\nkind = "chat"\nengine = "mock"\n'


def store(server: RunningServer, key: str, said: str) -> str:
    question = {
        "model": "said",
        "store": True,
        "messages": [{"role": "user", "content": said}],
        "metadata": {"said": said},
    }
    answer = httpx.post(f"{server.base_url}/chat/completions", json=question, headers=bearer(key))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id"])


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def stored(server: RunningServer, key: str) -> list[str]:
    listed = httpx.get(f"{server.base_url}/chat/completions", headers=bearer(key))
    assert listed.status_code == 200, listed.text
    return [one["id"] for one in listed.json()["data"]]


def start(folder: Path) -> RunningServer:
    return start_server(folder, "--config", str(folder / "sayso.toml"))


def test_what_was_destroyed_since_the_backup_stays_destroyed(tmp_path: Path) -> None:
    folder, backup = tmp_path / "data", tmp_path / "backup.db"
    folder.mkdir()
    (folder / "sayso.toml").write_text(SETTINGS)
    server = start(folder)
    try:
        key = server.key
        gone, kept = store(server, key, "forget this"), store(server, key, "remember this")
        # As the page on operation says.
        driver().module.connect(folder / "sayso.db").execute(f"VACUUM INTO '{backup}'")
        erased = sayso(folder, "retention", "erase", "--record", gone)
        assert erased, "a receipt"
        assert stored(server, key) == [kept]
    finally:
        server.stop()
    assert b"forget this" not in backup.read_bytes()
    backup.replace(folder / "sayso.db")
    for name in ("sayso.db-wal", "sayso.db-shm"):
        (folder / name).unlink(missing_ok=True)
    server = start(folder)
    try:
        for path in (gone, f"{gone}/messages"):
            answer = httpx.get(f"{server.base_url}/chat/completions/{path}", headers=bearer(key))
            assert answer.status_code == 404, answer.text
        assert stored(server, key) == [kept]
        messages = httpx.get(
            f"{server.base_url}/chat/completions/{kept}/messages", headers=bearer(key)
        ).json()
        assert messages["data"][0]["content"] == "remember this"
        sayso(folder, "retention", "sweep")
        receipts = sayso(folder, "retention", "receipts")
        assert [one["cause"] for one in receipts] == ["unreadable"]
        assert sayso(folder, "retention", "verify")["ok"]
    finally:
        server.stop()
