"""What a server's start makes of the aliases of its settings, beside those that are written down."""

from collections.abc import Collection

import pytest

from sayso.catalog.alias_history import AliasVersion, Cause
from sayso.catalog.recording import changes
from sayso.errors import ConfigurationError

KNOWN = {"A", "B"}


def written(alias: str, *steps: tuple[str, Cause]) -> dict[str, tuple[AliasVersion, ...]]:
    made = (
        AliasVersion(number, alias, snapshot, None, number, number, None, cause)
        for number, (snapshot, cause) in enumerate(steps, 1)
    )
    return {alias: tuple(made)}


def look(
    alias: str, target: str, *steps: tuple[str, Cause], stated: bool = True, known: Collection[str] = KNOWN
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    return changes({alias: target}, [alias] if stated else [], known, written(alias, *steps), 99)


def test_a_new_alias_is_written_down_and_the_same_one_is_not() -> None:
    assert look("a", "A") == ({"a": None}, ())
    assert look("a", "A", ("A", "settings")) == ({}, ())


def test_the_operators_settings_move_what_only_settings_have_set() -> None:
    assert look("a", "B", ("A", "settings")) == ({"a": "A"}, ())


def test_an_act_stays() -> None:
    assert look("a", "A", ("A", "settings"), ("B", "move")) == ({}, ("a",))
    assert look("a", "B", ("A", "settings"), ("B", "move"), ("A", "rollback")) == ({}, ("a",))


def test_what_comes_with_another_version_of_sayso_moves_nothing_that_is_still_there() -> None:
    assert look("a", "B", ("A", "settings"), stated=False) == ({}, ())
    assert look("a", "B", ("A", "settings"), stated=False, known={"B"}) == ({"a": "A"}, ())


def test_a_dated_alias_never_moves() -> None:
    with pytest.raises(ConfigurationError, match=r"'m-0301' bears a date, leads to 'A' and never moves"):
        look("m-0301", "B", ("A", "settings"))
    assert look("m-0301", "B", ("A", "settings"), stated=False, known={"B"}) == ({}, ())
    assert look("m-0301", "A", ("A", "settings")) == ({}, ())
