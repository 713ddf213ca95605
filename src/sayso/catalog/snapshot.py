"""A model snapshot: weights, tokenizer, template and defaults that never change under one name."""

import hashlib
import json
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["chat", "speech"]


@dataclass(frozen=True, slots=True)
class PackagePart:
    """A file of an installed distribution, found through `importlib.metadata`, never imported."""

    distribution: str
    path: str


@dataclass(frozen=True, slots=True)
class SnapshotFile:
    """One file of a snapshot.

    `name` is its path in the snapshot's folder, `sha256` 64 hex digits, `size` bytes. `parts` are joined in
    order when the source is a package.
    """

    name: str
    sha256: str
    size: int
    parts: tuple[PackagePart, ...] = ()


@dataclass(frozen=True, slots=True)
class PackageSource:
    """The files come from installed distributions."""


@dataclass(frozen=True, slots=True)
class HubSource:
    """The files come from a Hugging Face hub repository at an exact revision.

    `include` names the files to take, shell patterns allowed; empty for all that are no documentation.
    """

    repo: str
    revision: str
    include: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FolderSource:
    """The files lie in a folder on this machine."""

    path: str


@dataclass(frozen=True, slots=True)
class UpstreamSource:
    """The model is served by another OpenAI-compatible server.

    `base_url` ends in `/v1`; `model` is its name there; `api_key_env` names the environment variable that
    holds the key, empty for none. `cache_salt` says that it takes a field of that name, as vLLM does.
    """

    base_url: str
    model: str
    api_key_env: str = ""
    cache_salt: bool = False


Source: TypeAlias = PackageSource | HubSource | FolderSource | UpstreamSource


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A catalogue entry. `context_length` is in tokens (chat), `languages` ISO 639-1 codes.

    `created` is when the weights were published, Unix seconds. `engine` is a name in
    `sayso.engines.registry`, or `upstream`. `temperature` and `top_p` are for requests that say nothing of
    either, `answer_tokens` for those that give no limit (0: the rest of the window).
    """

    id: str
    kind: Kind
    engine: str
    source: Source
    files: tuple[SnapshotFile, ...] = ()
    licence: str = ""
    context_length: int = 0
    languages: tuple[str, ...] = ()
    created: int = 0
    owned_by: str = "sayso"
    temperature: float | None = None
    top_p: float | None = None
    answer_tokens: int = 0

    @property
    def manifest(self) -> str:
        """SHA-256 over the sorted paths, sizes and digests of all files, in 64 hex digits."""
        return _sha256(sorted((file.name, file.size, file.sha256) for file in self.files))

    @property
    def digest(self) -> str:
        """SHA-256 over all that makes the answers, in 64 hex digits.

        That is the files, tokenizer, chat template and quantization among them, and the generation defaults;
        of a model that runs elsewhere, where and under which name.
        """
        upstream = (
            [self.source.base_url, self.source.model] if isinstance(self.source, UpstreamSource) else []
        )
        defaults = [self.temperature, self.top_p, self.answer_tokens]
        return _sha256({"files": self.manifest, "defaults": defaults, "upstream": upstream})


def _sha256(value: object) -> str:
    """Return the digest of a value as JSON, which two different values never share."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()
