"""Records survive a restart, a torn write and a full disk; what was not kept is not found again."""

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sayso.db.record_file import RecordFile

ROOM = 4096


def reopened(path: Path) -> RecordFile:
    found = RecordFile.open(path, room=ROOM)
    found.close()
    return found


def fail(number: int, monkeypatch: pytest.MonkeyPatch, name: str, **which: Any) -> None:
    real: Callable[..., Any] = getattr(os, name)
    left = iter(which.get("passes", ()))

    def broken(*values: Any) -> Any:
        if next(left, False):
            return real(*values)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, name, broken)


def test_records_come_back_in_order(tmp_path: Path) -> None:
    path = tmp_path / "records"
    file = RecordFile.open(path, room=ROOM)
    assert path.stat().st_size == ROOM
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_blocks * 512 >= ROOM
    for number in range(3):
        file.append(b"record %d" % number)
    file.close()
    file = RecordFile.open(path, room=ROOM)
    assert file.records == [b"record 0", b"record 1", b"record 2"]
    file.append(b"record 3")
    file.close()
    assert reopened(path).records[-1] == b"record 3"
    assert reopened(path).damaged == 0


def test_one_process_has_it_at_a_time(tmp_path: Path) -> None:
    file = RecordFile.open(tmp_path / "records", room=ROOM)
    with pytest.raises(BlockingIOError):
        RecordFile.open(tmp_path / "records", room=ROOM)
    file.close()
    reopened(tmp_path / "records")


def test_a_torn_record_is_counted_and_harms_no_other(tmp_path: Path) -> None:
    path = tmp_path / "records"
    file = RecordFile.open(path, room=ROOM)
    for record in (b"first", b"second"):
        file.append(record)
    torn = file.size - 3
    file.append(b"third")
    file.close()
    with path.open("r+b") as raw:
        raw.seek(torn)
        raw.write(b"\0" * (ROOM - torn))
    file = RecordFile.open(path, room=ROOM)
    assert (file.records, file.damaged) == ([b"first"], 1)
    file.append(b"fourth")
    file.close()
    assert (reopened(path).records, reopened(path).damaged) == ([b"first", b"fourth"], 1)


def test_clearing_spares_what_came_meanwhile(tmp_path: Path) -> None:
    path = tmp_path / "records"
    file = RecordFile.open(path, room=ROOM)
    file.append(b"first")
    seen = file.size
    file.append(b"second")
    assert not file.clear(seen)
    assert file.clear(file.size)
    file.append(b"third")
    file.close()
    assert reopened(path).records == [b"third"]


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
def test_what_could_not_be_kept_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    path = tmp_path / "records"
    file = RecordFile.open(path, room=ROOM)
    file.append(b"first")
    with monkeypatch.context() as broken:
        fail(errno.EIO if call == "fsync" else errno.ENOSPC, broken, call)
        with pytest.raises(OSError, match=r"error|space"):
            file.append(b"second")
    file.append(b"third")
    file.close()
    assert (reopened(path).records, reopened(path).damaged) == ([b"first", b"third"], 0)


def test_after_a_failed_wait_nothing_that_was_written_before_it_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second of two writers must not take the next, empty success for its own."""
    path = tmp_path / "records"
    file = RecordFile.open(path, room=ROOM)
    entered, go = threading.Event(), threading.Event()
    calls: list[int] = []
    real = os.fsync

    def once(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == 1:
            entered.set()
            assert go.wait(10)
            raise OSError(errno.EIO, "error")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", once)
    failed: list[str] = []

    def write(name: str) -> None:
        try:
            file.append(name.encode())
        except OSError:
            failed.append(name)

    first = threading.Thread(target=write, args=("first",))
    first.start()
    assert entered.wait(10)
    second = threading.Thread(target=write, args=("second",))
    second.start()
    while file.size < 2 * len("12345678 first\n"):
        pass
    go.set()
    first.join()
    second.join()
    assert sorted(failed) == ["first", "second"]
    file.append(b"third")
    file.close()
    assert (reopened(path).records, reopened(path).damaged) == ([b"third"], 0)


def test_many_writers_share_waits(tmp_path: Path) -> None:
    path = tmp_path / "records"
    file = RecordFile.open(path, room=ROOM)
    threads = [threading.Thread(target=file.append, args=(b"%d" % number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    file.close()
    assert sorted(map(int, reopened(path).records)) == list(range(40))
