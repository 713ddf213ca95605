"""Keys are there until they are destroyed, and then nowhere; files are open to their owner alone."""

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from sayso.errors import ConfigurationError, StorageUnavailable
from sayso.retention.key_store import HEADER_BYTES, SLOT_BYTES, KeyLocation, KeyStore

DAY = "2026-11-22"

ISSUE = """
import sys
from pathlib import Path
from sayso.retention.key_store import KeyStore
store = KeyStore.open(Path(sys.argv[1]))
for _ in range(50):
    for one in store.issue("org_1", "2026-11-22", 3, durable=False):
        print(one.location.file, one.location.slot, one.key.hex())
"""


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore.open(tmp_path / "keys")


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def test_keys_come_back_in_another_process_too(store: KeyStore) -> None:
    issued = store.issue("org_1", DAY, 5, durable=True)
    assert len({one.key for one in issued}) == 5
    again = KeyStore.open(store.folder)
    assert [again.key(one.location) for one in issued] == [one.key for one in issued]
    assert again.fingerprint == store.fingerprint
    assert again.live_slots(issued[0].location.file) == set(range(5))


def test_no_key_lies_in_a_file_as_it_is(store: KeyStore) -> None:
    (issued,) = store.issue("org_1", DAY, 1, durable=True)
    assert issued.key not in everything(store.folder)
    assert issued.key.hex().encode() not in everything(store.folder)


def test_a_destroyed_key_leaves_nothing_and_its_neighbours_alone(store: KeyStore) -> None:
    issued = store.issue("org_1", DAY, 3, durable=True)
    path = store.folder / f"{issued[0].location.file}.keys"
    wrapped = path.read_bytes()[HEADER_BYTES + SLOT_BYTES :][:SLOT_BYTES]
    assert store.key(issued[1].location) == issued[1].key
    assert store.destroy([issued[1].location]) == 1
    assert wrapped[:60] not in everything(store.folder)
    assert store.key(issued[1].location) is None
    assert store.key(issued[0].location) == issued[0].key
    assert store.key(issued[2].location) == issued[2].key
    assert store.destroy([issued[1].location]) == 0
    assert store.live_slots(issued[0].location.file) == {0, 2}


def test_a_destroyed_file_is_overwritten_before_it_goes(store: KeyStore) -> None:
    (issued,) = store.issue("org_1", DAY, 1, durable=True)
    path = store.folder / f"{issued.location.file}.keys"
    with path.open("rb") as before:
        assert store.destroy_file(issued.location.file)
        assert set(before.read()) == {0}
    assert not path.parent.exists()
    assert store.key(issued.location) is None
    assert not store.destroy_file(issued.location.file)
    assert store.destroy([issued.location]) == 0
    (fresh,) = store.issue("org_1", DAY, 1, durable=True)
    assert fresh.location.file != issued.location.file
    assert store.key(fresh.location) == fresh.key


def test_a_slot_does_not_open_in_another_place(store: KeyStore) -> None:
    one, other = store.issue("org_1", DAY, 2, durable=True)
    path = store.folder / f"{one.location.file}.keys"
    content = path.read_bytes()
    first = content[HEADER_BYTES:][:SLOT_BYTES]
    path.write_bytes(content[: HEADER_BYTES + SLOT_BYTES] + first)
    assert store.key(one.location) == one.key
    assert store.key(other.location) is None


def test_processes_that_write_at_once_do_not_meet(store: KeyStore) -> None:
    running = [
        subprocess.Popen([sys.executable, "-c", ISSUE, store.folder], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    lines = [line.split() for process in running for line in process.communicate()[0].splitlines()]
    assert [process.returncode for process in running] == [0, 0, 0]
    found = {KeyLocation(file, int(slot)): bytes.fromhex(key) for file, slot, key in lines}
    assert len(found) == len(lines) == 450
    assert len({location.file for location in found}) == 3
    assert {location: store.key(location) for location in found} == found


def test_everything_is_its_owners_alone(store: KeyStore) -> None:
    store.issue("org_1", DAY, 1, durable=True)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in store.folder.rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert stat.S_IMODE(store.folder.stat().st_mode) == 0o700
    store.folder.chmod(0o755)
    with pytest.raises(ConfigurationError, match="open to everyone"):
        KeyStore.open(store.folder)


def test_without_its_wrapping_key_a_store_opens_nothing(store: KeyStore) -> None:
    (issued,) = store.issue("org_1", DAY, 1, durable=True)
    other = KeyStore.open(store.folder, os.urandom(32))
    assert other.key(issued.location) is None
    assert other.fingerprint != store.fingerprint
    (store.folder / "key-encryption-key").write_text("ab\n")
    with pytest.raises(ConfigurationError, match="damaged"):
        KeyStore.open(store.folder)


def test_open_files_and_remembered_keys_are_bounded(store: KeyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sayso.retention.key_store.OPEN_FILES", 3)
    monkeypatch.setattr("sayso.retention.key_store.DAY_KEYS", 3)
    before = open_descriptors()
    issued = [store.issue(f"org_{n}", DAY, 1, durable=False)[0] for n in range(10)]
    assert [store.key(one.location) for one in issued] == [one.key for one in issued]
    assert open_descriptors() <= before + 3
    assert len(store._day_keys) <= 3
    store.close()
    assert open_descriptors() <= before


def test_a_name_that_leads_elsewhere_is_refused(store: KeyStore) -> None:
    for name in ("../x", "org_1/../../x", "org_1", "/etc/x", "org_1/a.b"):
        with pytest.raises(ValueError, match="not a key file"):
            store.key(KeyLocation(name, 0))


def test_keys_of_a_folder_that_is_away_are_not_taken_for_destroyed(store: KeyStore) -> None:
    (issued,) = store.issue("org_1", DAY, 1, durable=True)
    away = store.folder.rename(store.folder.with_name("away"))
    for empty in (False, True):
        if empty:
            KeyStore.open(store.folder)
        for ask in (
            lambda: store.key(issued.location),
            lambda: store.destroy([issued.location]),
            lambda: store.destroy_file(issued.location.file),
            lambda: store.live_slots(issued.location.file),
        ):
            with pytest.raises(StorageUnavailable):
                ask()
    shutil.rmtree(store.folder)
    away.rename(store.folder)
    assert store.key(issued.location) == issued.key


def test_a_folder_that_can_not_be_written_is_an_absent_storage(tmp_path: Path) -> None:
    store = KeyStore.open(tmp_path / "keys")
    (tmp_path / "keys" / "org_1").write_text("in the way")
    with pytest.raises(StorageUnavailable):
        store.issue("org_1", DAY, 1, durable=True)
