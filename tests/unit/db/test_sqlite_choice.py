"""Which SQLite releases may keep a write-ahead log, and what becomes of the others."""

from datetime import UTC, datetime, timedelta, timezone
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy import Dialect
from sqlalchemy.dialects import postgresql, sqlite

from sayso.db.base import UtcDateTime
from sayso.db.sqlite import Version, choose, driver, resets_wal_safely

SQLITE: Dialect = sqlite.dialect()
POSTGRES: Dialect = postgresql.dialect()  # type: ignore[no-untyped-call]


@pytest.mark.parametrize(
    "version", [(3, 6, 23), (3, 44, 6), (3, 44, 9), (3, 50, 7), (3, 50, 8), (3, 51, 3), (3, 53, 0), (4, 0, 0)]
)
def test_releases_with_the_fix_may_keep_a_write_ahead_log(version: Version) -> None:
    assert resets_wal_safely(version)


@pytest.mark.parametrize(
    "version",
    [
        (3, 7, 0),
        (3, 40, 1),
        (3, 44, 5),
        (3, 45, 0),
        (3, 49, 9),
        (3, 50, 6),
        (3, 51, 0),
        (3, 51, 2),
        (3, 52, 0),
    ],
)
def test_releases_without_it_may_not(version: Version) -> None:
    assert not resets_wal_safely(version)


def module(version: Version) -> ModuleType:
    made: Any = ModuleType("sqlite")
    made.sqlite_version_info = version
    return made  # type: ignore[no-any-return]


def test_the_first_good_library_wins() -> None:
    old, good, newer = module((3, 40, 1)), module((3, 51, 3)), module((3, 53, 4))
    assert choose([old, good]).module is good
    assert choose([newer, good]).module is newer
    assert choose([good]).journal == "wal"


def test_without_a_good_library_there_is_no_write_ahead_log() -> None:
    old = module((3, 40, 1))
    assert choose([old]).module is old
    assert choose([old, module((3, 51, 1))]).journal == "truncate"


def test_this_process_is_never_at_risk() -> None:
    chosen = driver()
    assert chosen.journal == "truncate" or resets_wal_safely(chosen.version)


@pytest.mark.skipif(find_spec("pysqlite3") is None, reason="pysqlite3 has no wheel for this platform")
def test_the_library_that_comes_along_is_good() -> None:
    assert driver().journal == "wal"


def test_a_moment_keeps_its_instant_in_both_databases() -> None:
    moment = datetime(2023, 3, 1, 12, 0, 0, 123456, tzinfo=timezone(timedelta(hours=5)))
    kind = UtcDateTime()
    stored = kind.process_bind_param(moment, SQLITE)
    assert stored == datetime(2023, 3, 1, 7, 0, 0, 123456)  # noqa: DTZ001
    assert kind.process_result_value(stored, SQLITE) == moment
    kept = kind.process_bind_param(moment, POSTGRES)
    assert kept == moment
    assert kept.tzinfo is UTC
    with pytest.raises(ValueError, match="time zone"):
        kind.process_bind_param(datetime(2023, 3, 1), SQLITE)  # noqa: DTZ001
