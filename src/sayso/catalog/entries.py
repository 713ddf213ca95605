"""The operator's own models: from a `[models]` table of the settings to a snapshot."""

from sayso.catalog.manifest import check_name
from sayso.catalog.snapshot import (
    FolderSource,
    HubSource,
    PackageSource,
    Snapshot,
    SnapshotFile,
    Source,
    UpstreamSource,
)
from sayso.config import ModelEntry


def from_entry(name: str, entry: ModelEntry) -> Snapshot:
    """Return the snapshot that an entry describes. Raises `ConfigurationError` for a name that can not be."""
    return Snapshot(
        id=check_name(name),
        kind=entry.kind,
        engine=entry.engine,
        source=_source(name, entry),
        files=tuple(SnapshotFile(file.name, file.sha256, file.size) for file in entry.files),
        licence=entry.licence,
        temperature=entry.temperature,
        top_p=entry.top_p,
        answer_tokens=entry.answer_tokens,
        context_length=entry.context_length,
        languages=entry.languages,
    )


def _source(name: str, entry: ModelEntry) -> Source:
    if entry.base_url:
        name = entry.upstream_model or name
        return UpstreamSource(entry.base_url, name, entry.api_key_env, entry.upstream_cache_salt)
    if entry.repo:
        return HubSource(entry.repo, entry.revision, tuple(file.name for file in entry.files))
    if entry.path:
        return FolderSource(str(entry.path.absolute()))
    return PackageSource()  # the scripted engine: no files
