"""Every model that is known here, by its own name and by its aliases."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from sayso.catalog.entries import from_entry
from sayso.catalog.manifest import check_name, shipped
from sayso.catalog.pulled import find_pulled
from sayso.catalog.snapshot import HubSource, Kind, Snapshot
from sayso.config import ModelEntry
from sayso.errors import ConfigurationError, ModelNotFound

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
    """A name that a caller may ask for. `created` is Unix seconds; `snapshot` what answers to the name."""

    id: str
    created: int
    owned_by: str
    kind: Kind
    snapshot: str
    is_alias: bool


class Catalogue:
    """Snapshots by id, and aliases that lead to them."""

    def __init__(self, snapshots: Iterable[Snapshot], aliases: Mapping[str, str]) -> None:
        """Raise `ConfigurationError` for a name that can not be, is there twice, or leads nowhere."""
        self._snapshots: dict[str, Snapshot] = {}
        for snapshot in snapshots:
            if snapshot.id in self._snapshots:
                raise ConfigurationError(f"the model '{snapshot.id}' is there twice")
            self._snapshots[check_name(snapshot.id)] = snapshot
        self._aliases = {check_name(alias): self._follow(alias, aliases) for alias in aliases}

    @classmethod
    def load(
        cls,
        models_dir: Path,
        models: Mapping[str, ModelEntry] | None = None,
        aliases: Mapping[str, str] | None = None,
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
        return cls(known.values(), {**defaults, **(aliases or {})})

    @property
    def snapshots(self) -> tuple[Snapshot, ...]:
        """Every snapshot, served or not."""
        return tuple(self._snapshots.values())

    @property
    def aliases(self) -> Mapping[str, str]:
        """The snapshot's id of every alias."""
        return self._aliases

    def resolve(self, name: str) -> Snapshot:
        """Return the snapshot that `name` stands for. Raises `ModelNotFound`."""
        try:
            return self._snapshots[self._aliases.get(name, name)]
        except KeyError:
            raise ModelNotFound(name) from None

    def listing(self, served: Collection[str]) -> tuple[ModelListing, ...]:
        """Return, by name, the snapshots whose ids are in `served` and the aliases that lead to them."""
        targets = {**{name: name for name in self._snapshots}, **self._aliases}
        return tuple(
            ModelListing(
                name, snapshot.created, snapshot.owned_by, snapshot.kind, snapshot.id, name != target
            )
            for name, target in sorted(targets.items())
            if target in served
            for snapshot in (self._snapshots[target],)
        )

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
