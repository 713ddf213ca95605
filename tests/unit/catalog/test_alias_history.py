"""Where an alias leads at a moment, after moves, plans and rollbacks."""

import pytest

from sayso.catalog.alias_history import AliasVersion, Cause, before, course, is_dated, next_change


def version(number: int, snapshot: str, since: int, cause: Cause = "move") -> AliasVersion:
    return AliasVersion(number, "a", snapshot, None, since, since, "user_1", cause)


def at(versions: list[AliasVersion], now: int) -> str | None:
    came = course(versions, now)
    return came[-1].snapshot if came else None


@pytest.mark.parametrize(
    ("name", "dated"),
    [
        ("gpt-3.5-turbo-0301", True),
        ("gpt-4-1106", True),
        ("gpt-4o-mini-2024-07-18", True),
        ("gpt-3.5-turbo", False),
        ("whisper-1", False),
        ("llama-2048", False),
        ("model-0001", False),
        ("model-1232", False),
        ("model-2024-13-01", False),
        ("0301", False),
        ("model-0301-preview", False),
    ],
)
def test_a_name_that_ends_in_a_date_is_dated(name: str, dated: bool) -> None:
    assert is_dated(name) is dated


def test_an_alias_leads_where_the_last_version_says_whose_moment_has_come() -> None:
    versions = [version(1, "A", 10), version(2, "B", 20), version(3, "C", 30)]
    assert [at(versions, now) for now in (9, 10, 19, 20, 29, 30, 99)] == [None, "A", "A", "B", "B", "C", "C"]
    assert [next_change(versions, now) for now in (0, 10, 20, 30)] == [10, 20, 30, None]


def test_a_later_word_takes_the_place_of_a_plan() -> None:
    versions = [version(1, "A", 10), version(2, "B", 50), version(3, "C", 20)]
    assert [at(versions, now) for now in (10, 20, 50, 99)] == ["A", "C", "C", "C"]


def test_a_rollback_goes_back_one_move_and_twice_two() -> None:
    versions = [version(1, "A", 10, "settings"), version(2, "B", 20), version(3, "C", 30)]
    assert before(versions, 30) == "B"
    versions.append(version(4, "B", 40, "rollback"))
    assert before(versions, 40) == "A"
    versions.append(version(5, "A", 50, "rollback"))
    assert before(versions, 50) is None
    versions.append(version(6, "D", 60))
    assert before(versions, 60) == "A"


def test_a_plan_that_never_came_is_nothing_to_go_back_to() -> None:
    versions = [version(1, "A", 10), version(2, "B", 50), version(3, "C", 20)]
    assert before(versions, 15) is None
    assert before(versions, 99) == "A"
