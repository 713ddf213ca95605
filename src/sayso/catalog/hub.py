"""Models from the Hugging Face hub: found at a commit, fetched with resumption, checked, and pinned."""

import hashlib
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx2
from huggingface_hub import HfApi, constants, hf_hub_url
from huggingface_hub.errors import HFValidationError
from huggingface_hub.hf_api import ModelInfo, RepoSibling
from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

from sayso import __version__
from sayso.catalog.materialize import materialize
from sayso.catalog.pulled import find_pulled
from sayso.catalog.reference import choose, parse_reference, recognise
from sayso.catalog.snapshot import HubSource, Snapshot, SnapshotFile
from sayso.catalog.storage import (
    CHUNK,
    Progress,
    check_file,
    folder_for,
    hash_file,
    locked,
    model_dir,
    no_progress,
    publish,
    verify,
    write_manifest,
)
from sayso.catalog.transfer import ATTEMPTS, TIMEOUT, explain, fetch
from sayso.errors import ConfigurationError, IntegrityError

COMMIT: Final = re.compile(r"[0-9a-f]{40}")


def pull(
    model: Snapshot | str,
    models_dir: Path,
    *,
    endpoint: str | None = None,
    progress: Progress = no_progress,
    attempts: int = ATTEMPTS,
    pause: Callable[[float], None] = time.sleep,
) -> Snapshot:
    """Fetch a model and return its snapshot, pinned: an exact commit, and every file with its SHA-256.

    `model` is a catalogue entry or `owner/name[@revision][:file]`. Every file is compared with the digest
    that the hub states for the commit. `endpoint` is the hub's base URL, for a mirror. An interrupted pull
    goes on where it stopped when it is called again. Raises `ConfigurationError` if the hub is out of reach,
    has no such model, if a file is not what it should be, if no engine reads the model, or if another
    commit has been pulled under this name before: a snapshot never changes.
    """
    described = parse_reference(model) if isinstance(model, str) else model
    if not isinstance(described.source, HubSource):
        raise ConfigurationError(f"model '{described.id}' does not come from the hub")
    source, home = described.source, model_dir(described.id, models_dir)
    if COMMIT.fullmatch(source.revision):
        earlier = _earlier(described.id, models_dir, source.revision, progress)
        if earlier:
            return earlier
    info, siblings = _look_up(source, endpoint)
    described = _complete(described, info, [sibling.rfilename for sibling in siblings])
    commit = info.sha or ""
    if not COMMIT.fullmatch(commit):
        raise ConfigurationError("the hub does not say which commit this is")
    with locked(home):
        earlier = _earlier(described.id, models_dir, commit, progress)
        if earlier:
            return earlier
        partial = home / f".partial-{commit[:12]}"
        _check_space(siblings, partial, models_dir)
        headers = build_hf_headers(library_name="sayso", library_version=__version__)
        files = []
        for sibling in siblings:
            name, target = sibling.rfilename, partial / sibling.rfilename
            url = hf_hub_url(source.repo, name, revision=commit, endpoint=endpoint)
            fetch(url, target, sibling.size or 0, headers, progress, attempts=attempts, pause=pause)
            files.append(_checked(described, sibling, target))
        snapshot = replace(described, source=replace(source, revision=commit), files=tuple(files))
        write_manifest(snapshot, partial)
        publish(partial, folder_for(snapshot, models_dir))
        for abandoned in home.glob(".partial-*"):
            shutil.rmtree(abandoned)
    return snapshot


def _look_up(source: HubSource, endpoint: str | None) -> tuple[ModelInfo, list[RepoSibling]]:
    constants.HF_HUB_DISABLE_TELEMETRY = True  # the library would tell the hub what else is installed
    try:
        api = HfApi(endpoint=endpoint, library_name="sayso", library_version=__version__)
        info = api.model_info(source.repo, revision=source.revision, files_metadata=True, timeout=TIMEOUT)
    except (httpx2.HTTPError, ConnectionError) as error:
        raise ConfigurationError(f"{source.repo}: {explain(error)}") from None
    except HFValidationError as error:
        raise ConfigurationError(f"{source.repo}: {error}") from None
    by_name = {sibling.rfilename: sibling for sibling in info.siblings or ()}
    siblings = [by_name[name] for name in choose(by_name, source.include)]
    for sibling in siblings:
        if sibling.rfilename.startswith("/") or ".." in sibling.rfilename.split("/"):
            raise ConfigurationError(f"{source.repo}: a file's name leaves the folder")
        if sibling.size is None or not (sibling.lfs or sibling.blob_id):
            raise ConfigurationError(
                f"{sibling.rfilename}: the hub states no size or no digest to check it with"
            )
    return info, siblings


def _earlier(model_id: str, models_dir: Path, commit: str, progress: Progress) -> Snapshot | None:
    """Return the snapshot if it is here and whole; refuse another commit's."""
    for snapshot in find_pulled(models_dir):
        if snapshot.id == model_id and isinstance(snapshot.source, HubSource):
            if snapshot.source.revision != commit:
                raise ConfigurationError(
                    f"model '{model_id}' was pulled at commit {snapshot.source.revision[:8]}, and a snapshot "
                    f"never changes: pull {snapshot.source.repo}@{commit} beside it"
                )
            try:
                verify(snapshot.id, snapshot.files, materialize(snapshot, models_dir), progress)
            except IntegrityError:
                return None  # damaged: fetched anew
            return snapshot
    return None


def _check_space(siblings: list[RepoSibling], partial: Path, models_dir: Path) -> None:
    here = sum(path.stat().st_size for path in partial.rglob("*") if path.is_file())
    missing = sum(sibling.size or 0 for sibling in siblings) - here
    free = shutil.disk_usage(models_dir).free
    if missing > free:
        raise ConfigurationError(
            f"the model needs {missing:,} bytes more, and {free:,} are free in '{models_dir}'"
        )


def _checked(described: Snapshot, sibling: RepoSibling, path: Path) -> SnapshotFile:
    """Return the file with its digest, or delete it and raise `ConfigurationError`."""
    found = hash_file(path, sibling.rfilename)
    pinned = {file.name: file for file in described.files}
    stated = SnapshotFile(found.name, sibling.lfs.sha256 if sibling.lfs else found.sha256, sibling.size or 0)
    same = sibling.lfs is not None or _git_blob_id(path) == sibling.blob_id
    try:
        check_file(described.id, stated if same else replace(stated, sha256="another git digest"), found)
        check_file(described.id, pinned.get(found.name, found), found)
    except ConfigurationError:
        path.unlink()
        raise
    return found


def _git_blob_id(path: Path) -> str:
    digest = hashlib.sha1(b"blob %d\0" % path.stat().st_size, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def _complete(described: Snapshot, info: ModelInfo, names: list[str]) -> Snapshot:
    """Fill in what only the repository knows; a catalogue entry states it itself."""
    if described.engine:
        return described
    kind, engine = recognise(names)
    return replace(
        described,
        kind=kind,
        engine=engine,
        licence=str(info.card_data.get("license") or "") if info.card_data else "",
        created=int(info.created_at.timestamp()) if info.created_at else 0,
        owned_by=info.id.split("/")[0],
    )
