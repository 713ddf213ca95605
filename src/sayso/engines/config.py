"""What an engine host is started with."""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from sayso.catalog.snapshot import SnapshotFile

BATCH_TOKENS: Final = 256
CACHE_TOKENS: Final = 65_536


@dataclass(frozen=True, slots=True)
class EngineConfig:
    """A deployment: a snapshot on an engine with settings.

    `engine` is a name in `sayso.engines.registry`; `folder` holds the snapshot's `files`, which the host
    reads whole before it loads one; `digest` is the snapshot's content digest (hex), which the engine extends
    to its fingerprint; `cache_dir` is for compiled graphs, safe to delete. `context_length` (0: what the
    weights say), `cache_tokens` (room in the KV cache) and `answer_tokens` (where a request gives no limit;
    0: the rest of the window) are tokens; a step reads `batch_tokens` of prompts at most, so that running
    answers are not held up for long. `threads` 0 leaves the choice to the engine. At most `max_concurrency`
    requests run and `queue_depth` wait; the next is refused.

    The host stays on `cores`, as the kernel numbers them; empty: on those of its parent. A `yielding` one
    lets everything else on them go first. One that takes more than `memory_bytes` is ended; 0: no limit. With
    `measured` it says what a token in its cache takes, which makes its start longer by seconds. `script` is
    for the fake engine alone.
    """

    engine: str
    snapshot: str
    folder: Path
    digest: str
    cache_dir: Path
    context_length: int = 0
    cache_tokens: int = CACHE_TOKENS
    answer_tokens: int = 0
    threads: int = 0
    max_concurrency: int = 32
    queue_depth: int = 64
    batch_tokens: int = BATCH_TOKENS
    cores: tuple[int, ...] = ()
    yielding: bool = False
    memory_bytes: int = 0
    measured: bool = False
    script: str = ""
    files: tuple[SnapshotFile, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, for the host's standard input."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        paths = {name: str(value) for name, value in values.items() if isinstance(value, Path)}
        return {**values, **paths, "files": [[file.name, file.sha256, file.size] for file in self.files]}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "EngineConfig":
        """Read what `to_json` wrote."""
        folders = {name: Path(values[name]) for name in ("folder", "cache_dir")}
        files = tuple(SnapshotFile(*file) for file in values["files"])
        return cls(**{**values, **folders, "cores": tuple(values["cores"]), "files": files})
