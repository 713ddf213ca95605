"""What models are called at a moment: aliases as they were moved, pins of projects, names that end."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sayso.catalog.alias_history import AliasVersion, course, next_change


@dataclass(frozen=True, slots=True)
class Pin:
    """A project whose requests for `model` go to `snapshot`, which had `digest` when it was pinned."""

    project_id: str
    model: str
    snapshot: str
    digest: str
    made_at: int
    actor: str


@dataclass(frozen=True, slots=True)
class Deprecation:
    """When a name stops being advised, and when it stops working, in Unix microseconds; None: not said.

    `replacement` is what to use instead, empty where nothing is named.
    """

    model: str
    deprecated_from: int
    shutdown_at: int | None = None
    replacement: str = ""

    def is_over(self, now: int) -> bool:
        """Tell whether the name has stopped working."""
        return self.shutdown_at is not None and self.shutdown_at <= now


@dataclass(frozen=True, slots=True)
class Names:
    """All that was said of names: versions by alias, pins by project and name, ends by name."""

    versions: Mapping[str, tuple[AliasVersion, ...]] = field(default_factory=dict)
    pins: Mapping[tuple[str, str], Pin] = field(default_factory=dict)
    deprecations: Mapping[str, Deprecation] = field(default_factory=dict)

    def targets(self, initial: Mapping[str, str], now: int) -> dict[str, str]:
        """Return the snapshot of each alias at `now`; `initial` is where the settings have them lead.

        An alias that only the settings ever set goes with them.
        """
        targets = dict(initial)
        for alias, versions in self.versions.items():
            came = course(versions, now)
            if came and (alias in initial or any(one.cause != "settings" for one in came)):
                targets[alias] = came[-1].snapshot
        return targets

    def next_change(self, now: int) -> int | None:
        """Return the next moment at which an alias may lead elsewhere by itself."""
        moments = (next_change(versions, now) for versions in self.versions.values())
        return min((moment for moment in moments if moment is not None), default=None)

    def pinned(self, project: str | None, model: str) -> str | None:
        """Return the snapshot that a project has pinned for a name."""
        pin = self.pins.get((project, model)) if project is not None else None
        return None if pin is None else pin.snapshot

    def deprecation(self, *names: str) -> Deprecation | None:
        """Return what is said of the first name to end, of those that a model has in one request."""
        found = [self.deprecations[name] for name in names if name in self.deprecations]
        return min(found, key=lambda one: (one.shutdown_at or 2**63, one.deprecated_from), default=None)
