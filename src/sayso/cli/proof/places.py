"""What the files are in which an auditor looks."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

PLACES = (
    "database",
    "write-ahead log and journals",
    "key store",
    "temporary files",
    "log of the server",
    "everything else of the folder",
    "PostgreSQL: tables",
    "PostgreSQL: write-ahead log",
)


@dataclass(frozen=True, slots=True)
class Searched:
    """Files of one place, as many and as large as they were at the end."""

    place: str
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Premises:
    """Everything that is searched: the proof's own folder, and more that belongs to a database server."""

    root: Path
    more: Sequence[Path] = ()

    @property
    def paths(self) -> list[Path]:
        """What to search, folders whole."""
        return [self.root, *self.more]

    def place_of(self, path: Path) -> str:
        """Return which of `PLACES` a file belongs to."""
        if not path.is_relative_to(self.root):
            return PLACES[7] if "pg_wal" in path.parts else PLACES[6]
        below = path.relative_to(self.root)
        if below.parts[0] == "tmp":
            return PLACES[3]
        if below.name == "server.log":
            return PLACES[4]
        if "retention-keys" in below.parts:
            return PLACES[2]
        if below.name.startswith("sayso.db"):
            return PLACES[0] if below.suffix == ".db" else PLACES[1]
        return PLACES[5]

    def places_of(self, paths: Iterable[Path]) -> tuple[str, ...]:
        """Return the places of files, each once, in their order."""
        found = {self.place_of(path) for path in paths}
        return tuple(place for place in PLACES if place in found)

    def searched(self) -> tuple[Searched, ...]:
        """Return how much there is to search in each place; a kind of database only where there is one."""
        files, sizes = Counter[str](), Counter[str]()
        for folder in self.paths:
            for path in (one for one in folder.rglob("*") if one.is_file()):
                place = self.place_of(path)
                files[place] += 1
                sizes[place] += path.stat().st_size
        shown = [place for place in PLACES if files[place] or place in PLACES[2:6]]
        return tuple(Searched(place, files[place], sizes[place]) for place in shown)
