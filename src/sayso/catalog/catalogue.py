"""Every model that is known here, by its own name and by its aliases."""

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from sayso.catalog.entries import from_entry
from sayso.catalog.manifest import check_name, shipped
from sayso.catalog.names import Deprecation, Names
from sayso.catalog.pulled import find_pulled
from sayso.catalog.snapshot import HubSource, Kind, Snapshot
from sayso.config import ModelEntry, Settings
from sayso.errors import ConfigurationError, ModelNotFound, ModelRetired

EMBEDDED_CHAT: Final = "smollm2-135m-instruct-q4_1"
EMBEDDED_SPEECH: Final = "whisper-base"
DEFAULT_ALIASES: Final[Mapping[str, str]] = {
    "gpt-3.5-turbo": "gpt-3.5-turbo-0301",
    "gpt-3.5-turbo-0301": EMBEDDED_CHAT,
    "gpt-3.5-turbo-instruct": EMBEDDED_CHAT,
    "whisper-1": EMBEDDED_SPEECH,
}


@dataclass(frozen=True, slots=True)
class ModelListing:
    """A name that a caller may ask for. `created` is Unix seconds; `snapshot` what answers to the name.

    `deprecation` is what is said of its end, None for nothing.
    """

    id: str
    created: int
    owned_by: str
    kind: Kind
    snapshot: str
    is_alias: bool
    deprecation: Deprecation | None = None


def wall_clock() -> int:
    """Return the moment in Unix microseconds."""
    return time.time_ns() // 1_000


class Catalogue:
    """Snapshots by id, and aliases that lead to them: at first as the settings say, then as `names` do."""

    def __init__(
        self,
        snapshots: Iterable[Snapshot],
        aliases: Mapping[str, str],
        ends: Mapping[str, Deprecation] | None = None,
        *,
        clock: Callable[[], int] = wall_clock,
    ) -> None:
        """Raise `ConfigurationError` for a name that can not be, is there twice, or leads nowhere.

        `ends` are the deprecations that the settings state; `clock` is in Unix microseconds.
        """
        self._snapshots: dict[str, Snapshot] = {}
        for snapshot in snapshots:
            if snapshot.id in self._snapshots:
                raise ConfigurationError(f"the model '{snapshot.id}' is there twice")
            self._snapshots[check_name(snapshot.id)] = snapshot
        self.initial: Mapping[str, str] = {
            check_name(alias): self._follow(alias, aliases) for alias in aliases
        }
        self._ends = dict(ends or {})
        self._clock = clock
        self.follow(Names())

    @classmethod
    def of(cls, settings: Settings) -> "Catalogue":
        """Gather what the settings name. Raises `ConfigurationError` as `load` does."""
        ends = {
            name: Deprecation(
                name,
                _moment(entry.deprecated),
                _moment(entry.shutdown) if entry.shutdown else None,
                entry.replacement,
            )
            for name, entry in settings.deprecations.items()
        }
        return cls.load(settings.data_dir / "models", settings.models, settings.aliases, ends)

    @classmethod
    def load(
        cls,
        models_dir: Path,
        models: Mapping[str, ModelEntry] | None = None,
        aliases: Mapping[str, str] | None = None,
        ends: Mapping[str, Deprecation] | None = None,
    ) -> "Catalogue":
        """Gather what comes with sayso, the operator's models and what has been pulled to `models_dir`.

        The operator's aliases add to the default ones or replace them; a default one gives way to a model
        of the same name. Raises `ConfigurationError` as the constructor does.
        """
        own = [from_entry(name, entry) for name, entry in (models or {}).items()]
        names = {snapshot.id for snapshot in own}
        known = {s.id: s for s in (*shipped("embedded"), *own)}
        if len(known) < len(shipped("embedded")) + len(own):
            raise ConfigurationError(
                f"a model of your own can not be called {' or '.join(names & set(known))}"
            )
        known = {**{s.id: s for s in shipped("hub")}, **known}
        for snapshot in find_pulled(models_dir):
            known[snapshot.id] = _pinned(known.get(snapshot.id, snapshot), snapshot)
        defaults = {alias: target for alias, target in DEFAULT_ALIASES.items() if alias not in names}
        return cls(known.values(), {**defaults, **(aliases or {})}, ends)

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Every snapshot, served or not."""
        return tuple(self._snapshots.values())

    @property
    def aliases(self) -> Mapping[str, str]:
        """The snapshot's id of every alias, at this moment."""
        if self._until is not None and self._until <= self._clock():
            self.follow(self.names)
        return self._aliases

    def follow(self, names: Names) -> None:
        """Go by what was said of names from now on; planned moves then happen by themselves."""
        now = self._clock()
        targets = names.targets(self.initial, now)
        self._aliases = {alias: to for alias, to in targets.items() if alias not in self._snapshots}
        self._until = names.next_change(now)
        self.names = replace(names, deprecations={**self._ends, **names.deprecations})

    def know(self, snapshots: Iterable[Snapshot]) -> None:
        """Take over snapshots whose files have been looked at."""
        self._snapshots |= {snapshot.id: snapshot for snapshot in snapshots if snapshot.id in self._snapshots}

    def resolve(self, name: str, project: str | None = None) -> Snapshot:
        """Return the snapshot that `name` stands for, to a project that may have pinned one.

        Raises `ModelNotFound`.
        """
        target = self.names.pinned(project, name) or self.aliases.get(name, name)
        try:
            return self._snapshots[target]
        except KeyError:
            raise ModelNotFound(name) from None

    def deprecation(self, name: str, snapshot: str) -> Deprecation | None:
        """Return what is said of the end of a name, or of the snapshot that it leads to.

        Raises `ModelRetired` where that has come.
        """
        end = self.names.deprecation(name, snapshot)
        if end is not None and end.shutdown_at is not None and end.is_over(self._clock()):
            raise ModelRetired(name, end.shutdown_at / 1e6, end.replacement)
        return end

    def listing(self, served: Collection[str], project: str | None = None) -> tuple[ModelListing, ...]:
        """Return, by name, the snapshots whose ids are in `served` and the aliases that lead to them.

        Names that have come to an end are left out.
        """
        now = self._clock()
        found: list[ModelListing] = []
        for name, usual in sorted({**{name: name for name in self._snapshots}, **self.aliases}.items()):
            target = self.names.pinned(project, name) or usual
            end = self.names.deprecation(name, target)
            if target not in served or target not in self._snapshots or (end and end.is_over(now)):
                continue
            one = self._snapshots[target]
            found.append(ModelListing(name, one.created, one.owned_by, one.kind, one.id, name != target, end))
        return tuple(found)

    def _follow(self, alias: str, aliases: Mapping[str, str]) -> str:
        if alias in self._snapshots:
            raise ConfigurationError(f"the alias '{alias}' is the name of a model")
        trail = [alias]
        while trail[-1] in aliases:
            target = aliases[trail[-1]]
            if target in trail:
                raise ConfigurationError(f"aliases go round in a circle: {' → '.join([*trail, target])}")
            trail.append(target)
        if trail[-1] not in self._snapshots:
            raise ConfigurationError(f"the alias '{alias}' leads to '{trail[-1]}', which is no model")
        return trail[-1]


def _pinned(described: Snapshot, pulled: Snapshot) -> Snapshot:
    """Give a hub entry the files that were pulled for it; anything else of that name wins over the pull."""
    match described.source, pulled.source:
        case HubSource(repo=wanted, revision=revision), HubSource(repo=found, revision=commit):
            if wanted == found and revision in {"main", commit} and not described.files:
                return replace(described, files=pulled.files, source=pulled.source)
        case _:
            pass
    return described


def _moment(day: date) -> int:
    """Return the begin of a day, UTC, in Unix microseconds."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1_000_000
