"""Where an alias led, leads and will lead: rules on its versions, without a database."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

Cause: TypeAlias = Literal["settings", "move", "rollback"]

_MONTH, _DAY = r"(?:0[1-9]|1[0-2])", r"(?:0[1-9]|[12]\d|3[01])"
_DATED = re.compile(rf".*-(?:\d{{4}}-{_MONTH}-{_DAY}|{_MONTH}{_DAY})", re.ASCII)


@dataclass(frozen=True, slots=True)
class AliasVersion:
    """Where `alias` leads from a moment on. Moments are Unix microseconds.

    `previous` is where it led before, None for the first; `actor` is a user, None for the settings.
    """

    number: int
    alias: str
    snapshot: str
    previous: str | None
    effective_from: int
    made_at: int
    actor: str | None
    cause: Cause


def is_dated(name: str) -> bool:
    """Tell whether a name ends in a date, `-0301` or `-2024-07-18`: such an alias never moves."""
    return _DATED.fullmatch(name) is not None


def course(versions: Iterable[AliasVersion], now: int) -> list[AliasVersion]:
    """Return the versions that have come into force until `now`, in that order; the last one holds.

    What is said later takes the place of whatever was planned before.
    """
    came: list[AliasVersion] = []
    for version in sorted(versions, key=lambda one: (one.effective_from, one.number)):
        if version.effective_from <= now and (not came or version.number > came[-1].number):
            came.append(version)
    return came


def next_change(versions: Iterable[AliasVersion], now: int) -> int | None:
    """Return the first moment after `now` at which a version may come into force; None where none will."""
    return min((one.effective_from for one in versions if one.effective_from > now), default=None)


def before(versions: Iterable[AliasVersion], now: int) -> str | None:
    """Return the snapshot that a rollback goes to, None where there is nothing to go back to.

    Rolling back twice goes back two moves: what was rolled back is forgotten.
    """
    trail: list[str] = []
    for version in course(versions, now):
        if version.cause == "rollback" and len(trail) > 1:
            trail.pop()
        else:
            trail.append(version.snapshot)
    return trail[-2] if len(trail) > 1 else None


def by_alias(versions: Iterable[AliasVersion]) -> Mapping[str, tuple[AliasVersion, ...]]:
    """Return the versions of each alias, in the order in which they were made."""
    found: dict[str, tuple[AliasVersion, ...]] = {}
    for version in sorted(versions, key=lambda one: one.number):
        found[version.alias] = (*found.get(version.alias, ()), version)
    return found
