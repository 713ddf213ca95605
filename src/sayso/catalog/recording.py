"""The aliases of the settings: written down as the first versions, and what a later change there does."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy.ext.asyncio import AsyncSession

from sayso.catalog.alias_history import AliasVersion, course, is_dated
from sayso.catalog.name_store import append_version, load_names
from sayso.errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the settings had to say: aliases that moved, and those that they no longer decide on."""

    moved: tuple[AliasVersion, ...] = ()
    overruled: tuple[str, ...] = ()


def changes(
    initial: Mapping[str, str],
    stated: Collection[str],
    known: Collection[str],
    versions: Mapping[str, tuple[AliasVersion, ...]],
    now: int,
) -> tuple[dict[str, str | None], tuple[str, ...]]:
    """Return the aliases to write down, each with where it led before, and those that stay as they are.

    `initial` is where the settings have aliases lead, `stated` those that the operator wrote down there,
    `known` the snapshots of the catalogue. An alias that was moved by an act stays; so does one that sayso
    brings along, as long as its snapshot is known. Raises `ConfigurationError` for a dated one that the
    operator's settings would move.
    """
    wanted: dict[str, str | None] = {}
    overruled: list[str] = []
    for alias, target in initial.items():
        came = course(versions.get(alias, ()), now)
        present = came[-1].snapshot if came else None
        if present is None:
            wanted[alias] = None
        elif present == target:
            continue
        elif is_dated(alias):
            if alias in stated:
                raise ConfigurationError(
                    f"setting 'aliases': '{alias}' bears a date, leads to '{present}' and never moves"
                )
        elif any(one.cause != "settings" for one in came):
            overruled.append(alias)
        elif alias in stated or present not in known:
            wanted[alias] = present
    return wanted, tuple(overruled)


async def record_settings(
    session: AsyncSession,
    initial: Mapping[str, str],
    stated: Collection[str],
    known: Collection[str],
    now: int,
) -> Recorded:
    """Write down what `changes` finds, in the caller's transaction. Raises `ConfigurationError`."""
    names = await load_names(session)
    wanted, overruled = changes(initial, stated, known, names.versions, now)
    made = [
        await append_version(
            session,
            alias,
            initial[alias],
            previous,
            effective_from=now,
            now=now,
            actor=None,
            cause="settings",
        )
        for alias, previous in wanted.items()
    ]
    return Recorded(tuple(one for one in made if one.previous is not None), overruled)
