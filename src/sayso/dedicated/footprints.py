"""What snapshots take of the memory, as their hosts have measured it."""

import json
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sayso.engines.base import EngineInfo

MARGIN: Final = 1.1  # for what concurrent requests take beside their part of the cache


@dataclass(frozen=True, slots=True)
class Footprint:
    """Bytes of a host without requests, and of each token in its cache, 0 for a model that has none."""

    loaded_bytes: int
    cache_token_bytes: int

    @classmethod
    def of(cls, info: EngineInfo) -> "Footprint":
        """Return what a host has measured."""
        return cls(info.loaded_bytes, info.cache_token_bytes)

    def needed_mib(self, cache_tokens: int) -> int:
        """Return what a host needs with that much in its cache."""
        whole = (self.loaded_bytes + self.cache_token_bytes * cache_tokens) * MARGIN
        return -(-int(whole) >> 20)

    def tokens_in(self, memory_mib: int) -> int:
        """Return how many tokens a cache has room for in that much memory, at least 0."""
        left = int((memory_mib << 20) / MARGIN) - self.loaded_bytes
        return max(0, left // self.cache_token_bytes) if self.cache_token_bytes else 0


class Footprints:
    """Remembers them by digest in a file, which may be deleted: they are then measured again."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._known: dict[str, Footprint] = {}
        with suppress(OSError, ValueError, TypeError):
            read = json.loads(file.read_text("utf-8"))
            self._known = {digest: Footprint(**values) for digest, values in read.items()}

    def find(self, digest: str) -> Footprint | None:
        """Return the footprint of a snapshot, None where it was never measured."""
        return self._known.get(digest)

    def keep(self, digest: str, footprint: Footprint) -> None:
        """Remember one."""
        self._known[digest] = footprint
        values = {
            digest: {"loaded_bytes": one.loaded_bytes, "cache_token_bytes": one.cache_token_bytes}
            for digest, one in sorted(self._known.items())
        }
        with suppress(OSError):  # it is measured again then
            self._file.parent.mkdir(parents=True, exist_ok=True)
            new = self._file.with_suffix(".new")
            new.write_text(json.dumps(values, indent=1), "utf-8")
            new.replace(self._file)
