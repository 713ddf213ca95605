"""What has been pulled to this machine, as its `snapshot.json` says."""

import json
from collections.abc import Iterator
from pathlib import Path

from sayso.catalog.manifest import parse_snapshot
from sayso.catalog.snapshot import HubSource, Snapshot
from sayso.catalog.storage import MANIFEST, folder_for
from sayso.errors import ConfigurationError


def find_pulled(models_dir: Path) -> tuple[Snapshot, ...]:
    """Return every pulled snapshot under `models_dir`, by path.

    Raises `ConfigurationError` for a manifest that can not be read or does not fit its folder's name.
    """
    return tuple(_read(models_dir))


def _read(models_dir: Path) -> Iterator[Snapshot]:
    for path in sorted(models_dir.glob(f"*/[0-9a-f]*/{MANIFEST}")):
        try:
            snapshot = parse_snapshot(json.loads(path.read_text("utf-8")))
        except (OSError, ValueError, ConfigurationError) as error:
            raise ConfigurationError(f"can not read '{path}': {error}") from None
        if not isinstance(snapshot.source, HubSource):
            continue
        if folder_for(snapshot, models_dir) != path.parent:
            raise ConfigurationError(f"'{path}' does not fit the folder that it lies in")
        yield snapshot
