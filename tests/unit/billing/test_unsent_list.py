"""The list of answers that have not left outlives its process, and nothing else does."""

import errno
import os
from pathlib import Path

import pytest

from sayso.billing.unsent_answers import SLOT, SLOTS, UnsentAnswers
from sayso.ids import new_request_id


def test_what_is_in_is_found_again_without_being_closed(tmp_path: Path) -> None:
    path = tmp_path / "unsent"
    first = UnsentAnswers.open(path)
    stays, goes = new_request_id(), new_request_id()
    first.add(stays)
    first.add(goes)
    first.remove(goes)
    first.remove(goes)
    assert UnsentAnswers.open(path).found == {stays}
    assert path.stat().st_mode & 0o777 == 0o600


def test_what_was_found_keeps_its_place_until_it_is_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "unsent"
    first = UnsentAnswers.open(path)
    old = new_request_id()
    first.add(old)
    second = UnsentAnswers.open(path)
    new = new_request_id()
    second.add(new)
    second.add(new)
    assert UnsentAnswers.open(path).found == {old, new}
    second.keep_only({new})
    assert UnsentAnswers.open(path).found == {new}


def test_one_too_many_is_left_out(tmp_path: Path) -> None:
    answers = UnsentAnswers.open(tmp_path / "unsent")
    names = [new_request_id() for _ in range(SLOTS + 1)]
    for name in names:
        answers.add(name)
    assert UnsentAnswers.open(tmp_path / "unsent").found == set(names[:SLOTS])
    answers.remove(names[-1])
    answers.remove(names[0])
    answers.add(names[-1])
    assert UnsentAnswers.open(tmp_path / "unsent").found == set(names[1:])


def test_what_is_no_name_is_not_found(tmp_path: Path) -> None:
    path = tmp_path / "unsent"
    UnsentAnswers.open(path)
    path.write_bytes((b"\0req_taken_out".ljust(SLOT, b"\0") + b"\xff\xfe") + path.read_bytes()[SLOT + 2 :])
    assert UnsentAnswers.open(path).found == frozenset()


def test_without_room_on_the_disk_there_is_no_file_to_trip_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    with pytest.raises(OSError, match="space"):
        UnsentAnswers.open(tmp_path / "unsent")
    forgetful = UnsentAnswers.forgetful()
    forgetful.add("req_1")
    forgetful.remove("req_1")
    assert forgetful.found == frozenset()
